import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { iamPolicy, scopeOfCluster } from '../../aws/iam-policy.ts';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { virtualNetwork } from '../virtual-network.ts';
import { createElbv2 } from './elbv2.ts';
import { createPolicyStore, isAllowed, type Policy, readPolicies } from './policy.ts';
import { type TestParameters, testClient } from './test-client.ts';

const request = {
  principal: 'arn:aws:iam::111122223333:user/AKIA',
  action: 'elasticloadbalancing:DeleteListener',
  resource: 'arn:aws:elasticloadbalancing:us-east-1:111122223333:listener/net/game-1/1/2',
  requestTags: new Map<string, string>(),
  resourceTags: new Map([['owner', 'us']]),
};
const one = (statement: Partial<Policy['Statement'][0]>): Policy => ({
  Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', ...statement }],
});

describe('isAllowed()', () => {
  it('refuses what nothing allows, and lets an explicit deny win', () => {
    assert.equal(isAllowed({ Statement: [] }, request), false);
    assert.equal(isAllowed(one({}), request), true);
    const { Statement } = one({ Effect: 'Deny', Action: 'elasticloadbalancing:Delete*' });
    assert.equal(isAllowed({ Statement: [...one({}).Statement, ...Statement] }, request), false);
  });

  it('matches resources by wildcard across slashes, and actions whatever their case', () => {
    const on = (Resource: string, Action = '*') => isAllowed(one({ Resource, Action }), request);
    assert.equal(on('arn:aws:elasticloadbalancing:*:*:listener/net/*/*/*'), true);
    assert.equal(on('arn:aws:elasticloadbalancing:*:*:listener/app/*/*/*'), false);
    assert.equal(on('*', 'ElasticLoadBalancing:deletelistener'), true);
    assert.equal(on('*', 'elasticloadbalancing:DeleteListene'), false);
  });

  it('holds a condition on an absent key for false, unless it is negated or IfExists', () => {
    const when = (operator: string, key: string, value: string) =>
      isAllowed(one({ Condition: { [operator]: { [key]: value } } }), request);
    assert.equal(when('StringEquals', 'aws:ResourceTag/owner', 'us'), true);
    assert.equal(when('StringEquals', 'aws:ResourceTag/owner', 'them'), false);
    assert.equal(when('StringEquals', 'aws:RequestTag/owner', 'us'), false);
    assert.equal(when('StringEqualsIfExists', 'aws:RequestTag/owner', 'us'), true);
    assert.equal(when('StringNotEquals', 'aws:RequestTag/owner', 'us'), true);
    assert.equal(when('StringLike', 'aws:ResourceTag/owner', 'u?'), true);
    assert.equal(when('StringEquals', 'elasticloadbalancing:CreateAction', 'CreateListener'), false);
  });
});

describe('readPolicies()', () => {
  it('refuses what the evaluator does not know instead of passing it over', () => {
    const problem = (statement: object) => {
      const read = readPolicies({
        AKIA: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*', ...statement }] },
      });
      return read.ok ? undefined : read.message;
    };
    assert.equal(problem({}), undefined);
    assert.match(problem({ NotAction: 'x' }) ?? '', /NotAction/);
    assert.match(problem({ Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } }) ?? '', /IpAddress/);
    assert.match(problem({ Condition: { StringEquals: { 'aws:SourceVpc': 'x' } } }) ?? '', /aws:SourceVpc/);
    assert.match(problem({ Effect: 'Maybe' }) ?? '', /Effect/);
    assert.equal(readPolicies([]).ok, false);
  });
});

describe('the shipped policy', () => {
  const tags = (cluster: string) => [{ Key: 'nlbports.dev/cluster', Value: cluster }];
  const group = (Name: string, Tags?: TestParameters['x']): TestParameters => ({
    ...{ Name, Protocol: 'TCP', Port: 7777, VpcId: 'vpc-1', TargetType: 'ip' },
    ...(Tags ? { Tags } : {}),
  });

  async function lab() {
    const clock = virtualClock();
    const store = createPolicyStore();
    const emulator = createElbv2({
      ...{ clock, random: seededRandom(7), log: silentLog(), authorize: store.authorize },
      network: virtualNetwork({ clock }),
    });
    const admin = testClient(emulator.handle, clock, { accessKeyId: 'AKIAADMIN' });
    const operator = testClient(emulator.handle, clock, { accessKeyId: 'AKIAOPERATOR' });
    const balancer = async (name: string) => {
      const made = await admin('CreateLoadBalancer', { Name: name, Type: 'network', Subnets: ['subnet-1'] });
      return made.text('LoadBalancerArn') ?? '';
    };
    const [ours, theirs] = [await balancer('game-1'), await balancer('web')];
    const scope = scopeOfCluster('cluster-1', [ours]);
    store.set(new Map([['AKIAOPERATOR', iamPolicy(scope)]]));
    const listener = (LoadBalancerArn: string, TargetGroupArn: string, Port: number, Tags?: TestParameters['x']) => ({
      ...{ LoadBalancerArn, Protocol: 'TCP', Port, DefaultActions: [{ Type: 'forward', TargetGroupArn }] },
      ...(Tags ? { Tags } : {}),
    });
    return { admin, operator, ours, theirs, prefix: scope.targetGroupPrefix, listener };
  }

  it('lets the operator make, use and delete what carries its tag', async () => {
    const { operator, ours, prefix, listener } = await lab();
    const made = await operator('CreateTargetGroup', group(`${prefix}a`, tags('cluster-1')));
    assert.equal(made.status, 200, made.message);
    const arn = made.text('TargetGroupArn') ?? '';
    const put = await operator('CreateListener', listener(ours, arn, 30_000, tags('cluster-1')));
    assert.equal(put.status, 200, put.message);
    const targets = [{ Id: '10.0.0.1' }];
    assert.equal((await operator('RegisterTargets', { TargetGroupArn: arn, Targets: targets })).status, 200);
    assert.equal((await operator('DeleteListener', { ListenerArn: put.text('ListenerArn') ?? '' })).status, 200);
    assert.equal((await operator('DeleteTargetGroup', { TargetGroupArn: arn })).status, 200);
  });

  it('refuses to change a listener or target group of someone else, or of another cluster', async () => {
    const { admin, operator, ours, prefix, listener } = await lab();
    for (const owner of [undefined, tags('cluster-2')]) {
      const name = `${prefix}${owner ? 'b' : 'c'}`;
      const arn = (await admin('CreateTargetGroup', group(name, owner))).text('TargetGroupArn') ?? '';
      const made = await admin('CreateListener', listener(ours, arn, owner ? 443 : 444, owner));
      const ListenerArn = made.text('ListenerArn') ?? '';
      const TargetGroupArn = arn;
      const Targets = [{ Id: '10.0.0.1' }];
      const attempts: [string, TestParameters][] = [
        ['DeleteListener', { ListenerArn }],
        ['ModifyListener', { ListenerArn, Port: 445 }],
        ['RegisterTargets', { TargetGroupArn, Targets }],
        ['DeregisterTargets', { TargetGroupArn, Targets }],
        ['ModifyTargetGroup', { TargetGroupArn, HealthCheckIntervalSeconds: 10 }],
        ['ModifyTargetGroupAttributes', { TargetGroupArn, Attributes: [{ Key: 'x', Value: 'y' }] }],
        ['DeleteTargetGroup', { TargetGroupArn }],
        ['AddTags', { ResourceArns: [ListenerArn], Tags: tags('cluster-1') }],
        ['AddTags', { ResourceArns: [TargetGroupArn], Tags: tags('cluster-1') }],
      ];
      for (const [action, parameters] of attempts) {
        assert.equal((await operator(action, parameters)).code, 'AccessDenied', action);
      }
    }
  });

  it("refuses to make anything without this cluster's tag, under a strange name, or on a strange load balancer", async () => {
    const { operator, ours, theirs, prefix, listener } = await lab();
    const arn =
      (await operator('CreateTargetGroup', group(`${prefix}a`, tags('cluster-1')))).text('TargetGroupArn') ?? '';
    const attempts: [string, TestParameters][] = [
      ['CreateTargetGroup', group(`${prefix}b`)],
      ['CreateTargetGroup', group(`${prefix}b`, tags('cluster-2'))],
      ['CreateTargetGroup', group('web', tags('cluster-1'))],
      ['CreateListener', listener(ours, arn, 30_000)],
      ['CreateListener', listener(ours, arn, 30_000, tags('cluster-2'))],
      ['CreateListener', listener(theirs, arn, 30_000, tags('cluster-1'))],
      ['DeleteLoadBalancer', { LoadBalancerArn: ours }],
      ['CreateLoadBalancer', { Name: 'x', Type: 'network', Subnets: ['subnet-1'] }],
    ];
    for (const [action, parameters] of attempts) {
      assert.equal((await operator(action, parameters)).code, 'AccessDenied', action);
    }
  });

  it('holds each statement narrow by itself, though two of them guard the making of a target group', () => {
    const scope = scopeOfCluster('cluster-1', []);
    const asked = (action: string, name: string, cluster: string) =>
      isAllowed(iamPolicy(scope), {
        principal: 'arn:aws:iam::111122223333:user/AKIAOPERATOR',
        action: `elasticloadbalancing:${action}`,
        resource: `arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/${name}/*`,
        requestTags: new Map([['nlbports.dev/cluster', cluster]]),
        resourceTags: new Map(),
        createAction: 'CreateTargetGroup',
      });
    for (const action of ['CreateTargetGroup', 'AddTags']) {
      assert.equal(asked(action, `${scope.targetGroupPrefix}a`, 'cluster-1'), true, action);
      assert.equal(asked(action, 'web', 'cluster-1'), false, action);
      assert.equal(asked(action, `${scope.targetGroupPrefix}a`, 'cluster-2'), false, action);
    }
  });
});
