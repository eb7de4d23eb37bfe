import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CodedError, Result } from '../api/errors.ts';
import { clusterTag, poolTag, portObjectName, portTag, targetGroupName } from '../api/names.ts';
import { poolSpec } from '../api/pool.ts';
import { targetGroupSettings } from '../core/target-group-settings.ts';
import { NotWanted } from './aws-error.ts';
import { type EmulatedAws, emulatedAws, inTime, textOf } from './emulated-aws.fixture.ts';
import type { PortResources } from './port-provider.ts';
import { settleRules } from './settle.ts';

const options = { priority: 'provision' } as const;
const targets = [{ ip: '10.0.1.5', port: 7777 }];

type Change = { spec?: object; tags?: Record<string, string>; ipFamily?: 'IPv4' | 'IPv6' };

/** An emulator with one load balancer, and what port 30000 on it is to have. */
async function world(settings: Parameters<typeof emulatedAws>[0] = {}) {
  const aws = emulatedAws(settings);
  const loadBalancerArn = await aws.loadBalancer('game-1');
  aws.emulator.callLog.reset();
  const wanted = ({ spec = {}, tags = {}, ipFamily = 'IPv4' }: Change = {}): PortResources => {
    const pool = poolSpec.parse({
      loadBalancers: [{ arn: loadBalancerArn }],
      ports: { min: 30000, max: 30049 },
      protocol: 'UDP',
      access: { namespaces: ['*'] },
      ...spec,
    });
    return {
      portName: portObjectName(loadBalancerArn, 30000),
      pool: 'game',
      loadBalancerArn,
      vpcId: 'vpc-1',
      port: 30000,
      protocol: pool.protocol,
      settings: targetGroupSettings(pool),
      ipFamily,
      needsFamily: ipFamily === 'IPv6',
      tags,
    };
  };
  const run = <T>(step: Promise<Result<T>>) => inTime(aws.clock, step);
  const make = async (resources = wanted()) => {
    const { targetGroupArn } = value(await run(aws.provider.createTargetGroup(resources, options)));
    value(await run(aws.provider.modifyAttributes(resources, targetGroupArn, options)));
    const { listenerArn } = value(await run(aws.provider.createListener(resources, targetGroupArn, options)));
    return { targetGroupArn, listenerArn };
  };
  return { aws, loadBalancerArn, wanted, run, make };
}

function value<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

function refusal<T>(result: Result<T>): CodedError {
  assert.ok(!result.ok, 'a refusal was expected');
  return result.error;
}

async function tagsOf(aws: EmulatedAws, arn: string): Promise<Record<string, string>> {
  const body = await aws.someoneElse('DescribeTags', { 'ResourceArns.member.1': arn });
  const pairs = [...body.matchAll(/<Key>([^<]*)<\/Key>\s*<Value>([^<]*)<\/Value>/g)];
  return Object.fromEntries(pairs.map(([, key, text]) => [key, text]));
}

test('a cold bind is exactly four mutating calls in order, and a release one', async () => {
  const { aws, run, make, wanted } = await world();
  const { targetGroupArn } = await make();
  value(await run(aws.provider.inspectTargetGroup(wanted(), targetGroupArn, options)));
  value(await run(aws.provider.registerTargets(targetGroupArn, targets, options)));
  assert.deepEqual(aws.mutations(), [
    'CreateTargetGroup',
    'ModifyTargetGroupAttributes',
    'CreateListener',
    'RegisterTargets',
  ]);
  aws.emulator.callLog.reset();
  value(await run(aws.provider.deregisterTargets(targetGroupArn, targets, options)));
  assert.deepEqual(aws.mutations(), ['DeregisterTargets']);
});

test("what is made carries our tags and the pool's, and the settings of the pool", async () => {
  const { aws, wanted, make, loadBalancerArn } = await world();
  const { targetGroupArn, listenerArn } = await make(wanted({ tags: { 'cost-center': '42' } }));
  for (const arn of [targetGroupArn, listenerArn]) {
    assert.deepEqual(await tagsOf(aws, arn), {
      'cost-center': '42',
      [clusterTag]: 'cluster-1',
      [portTag]: portObjectName(loadBalancerArn, 30000),
      [poolTag]: 'game',
    });
  }
  const group = await aws.someoneElse('DescribeTargetGroups', { 'TargetGroupArns.member.1': targetGroupArn });
  const fields = ['TargetGroupName', 'Protocol', 'Port', 'TargetType', 'HealthCheckIntervalSeconds'];
  assert.deepEqual(
    fields.map(field => textOf(group, field)),
    [targetGroupName('cluster-1', loadBalancerArn, 30000), 'UDP', '30000', 'ip', '10'],
  );
  assert.ok(Number(textOf(group, 'HealthCheckTimeoutSeconds')) < 10);
  const attributes = await aws.someoneElse('DescribeTargetGroupAttributes', { TargetGroupArn: targetGroupArn });
  assert.match(attributes, /deregistration_delay\.connection_termination\.enabled<\/Key>\s*<Value>true</);
});

test('every step may be repeated and finds what it made', async () => {
  const { aws, run, make, wanted } = await world();
  const first = await make();
  const second = await make();
  assert.deepEqual(second, first);
  for (let i = 0; i < 2; i++) value(await run(aws.provider.registerTargets(first.targetGroupArn, targets, options)));
  const { targets: found } = value(await run(aws.provider.inspectTargetGroup(wanted(), first.targetGroupArn, options)));
  assert.deepEqual(
    found.map(({ ip, port }) => ({ ip, port })),
    targets,
  );
  for (let i = 0; i < 2; i++) value(await run(aws.provider.deregisterTargets(first.targetGroupArn, targets, options)));
  for (let i = 0; i < 2; i++) value(await run(aws.provider.deleteListener(first.listenerArn, options)));
  for (let i = 0; i < 2; i++) value(await run(aws.provider.deleteTargetGroup(first.targetGroupArn, options)));
  assert.equal(value(await run(aws.provider.describeHealth(first.targetGroupArn, options))), undefined);
  value(await run(aws.provider.deregisterTargets(first.targetGroupArn, targets, options)));
});

test('an answer that is lost after the change was made leads to the same resources', async () => {
  const { aws, make } = await world();
  aws.faults.set([
    { kind: 'lost', actions: ['CreateTargetGroup'], times: 1 },
    { kind: 'lost-error', actions: ['ModifyTargetGroupAttributes'], times: 1 },
    { kind: 'hang', actions: ['CreateListener'], times: 1, delayMs: 60_000 },
  ]);
  const made = await make();
  aws.faults.set([]);
  assert.deepEqual(await make(), made);
  const listeners = await aws.someoneElse('DescribeListeners', { 'ListenerArns.member.1': made.listenerArn });
  assert.equal(textOf(listeners, 'TargetGroupArn'), made.targetGroupArn);
});

test('createTargetGroup() adopts ours and says whether its health check is the one that is wanted', async () => {
  const { aws, run, wanted } = await world();
  const made = value(await run(aws.provider.createTargetGroup(wanted(), options)));
  assert.equal(made.healthCheckApplied, true);
  const edited = wanted({ spec: { healthCheck: { interval: '20s' } } });
  const adopted = value(await run(aws.provider.createTargetGroup(edited, options)));
  assert.deepEqual(adopted, { targetGroupArn: made.targetGroupArn, ipFamily: 'IPv4', healthCheckApplied: false });
  value(await run(aws.provider.modifyHealthCheck(edited, made.targetGroupArn, options)));
  assert.deepEqual(value(await run(aws.provider.createTargetGroup(edited, options))), made);
});

test('createTargetGroup() never touches a group of someone else that has the name', async () => {
  const { aws, run, wanted, loadBalancerArn } = await world();
  const Name = targetGroupName('cluster-1', loadBalancerArn, 30000);
  await aws.someoneElse('CreateTargetGroup', { Name, Protocol: 'TCP', Port: '80', VpcId: 'vpc-1', TargetType: 'ip' });
  aws.emulator.callLog.reset();
  const error = refusal(await run(aws.provider.createTargetGroup(wanted(), options)));
  assert.equal(error.reason, 'TargetGroupConflict');
  assert.equal(error.aws?.errorCode, 'DuplicateTargetGroupName');
  assert.deepEqual(aws.mutations(), ['CreateTargetGroup']);
});

test("inspectTargetGroup() refuses a group that is not ours by tag, another cluster's too", async () => {
  const { aws, run, wanted, loadBalancerArn } = await world();
  const Name = targetGroupName('cluster-1', loadBalancerArn, 30000);
  const made = await aws.someoneElse('CreateTargetGroup', {
    Name,
    Protocol: 'UDP',
    Port: '30000',
    VpcId: 'vpc-1',
    TargetType: 'ip',
    'Tags.member.1.Key': clusterTag,
    'Tags.member.1.Value': 'cluster-2',
    'Tags.member.2.Key': portTag,
    'Tags.member.2.Value': portObjectName(loadBalancerArn, 30000),
  });
  const inspected = await run(aws.provider.inspectTargetGroup(wanted(), textOf(made, 'TargetGroupArn'), options));
  assert.equal(refusal(inspected).reason, 'TargetGroupConflict');
});

test('createTargetGroup() makes anew what can not be changed into what is wanted, with the listener left behind', async () => {
  const { aws, run, make, wanted } = await world({ set: { 'in-use-delay': '5s' } });
  const before = await make();
  const changed = wanted({ spec: { protocol: 'TCP' } });
  const after = value(await run(aws.provider.createTargetGroup(changed, options)));
  assert.notEqual(after.targetGroupArn, before.targetGroupArn);
  assert.equal(aws.emulator.callLog.count('DeleteListener', null), 1);
  const group = await aws.someoneElse('DescribeTargetGroups', { 'TargetGroupArns.member.1': after.targetGroupArn });
  assert.equal(textOf(group, 'Protocol'), 'TCP');
});

test('createTargetGroup() makes anew what takes the wrong addresses, and says what the group that it finds takes', async () => {
  const { aws, run, wanted } = await world();
  const create = (resources: PortResources) => run(aws.provider.createTargetGroup(resources, options)).then(value);
  const six = await create(wanted({ ipFamily: 'IPv6' }));
  assert.equal(six.ipFamily, 'IPv6');
  // Nobody is behind it yet: it does as it is.
  const found = await create(wanted());
  assert.deepEqual([found.targetGroupArn, found.ipFamily], [six.targetGroupArn, 'IPv6']);
  const looked = value(await run(aws.provider.findResources(wanted(), options)));
  assert.deepEqual(looked, { targetGroupArn: six.targetGroupArn, ipFamily: 'IPv6' });
  const four = await create({ ...wanted(), needsFamily: true });
  assert.notEqual(four.targetGroupArn, six.targetGroupArn);
  assert.equal(four.ipFamily, 'IPv4');
});

test('createTargetGroup() finds what is too new for a describe to show', async () => {
  const { aws, run, wanted } = await world({ set: { 'stale-read-delay': '5s' } });
  const made = value(await run(aws.provider.createTargetGroup(wanted(), options)));
  const edited = wanted({ spec: { healthCheck: { interval: '20s' } } });
  const adopted = value(await run(aws.provider.createTargetGroup(edited, options)));
  assert.equal(adopted.targetGroupArn, made.targetGroupArn);
});

test('createListener() never touches a listener of someone else, and names it', async () => {
  const { aws, run, wanted, loadBalancerArn } = await world();
  const { targetGroupArn } = value(await run(aws.provider.createTargetGroup(wanted(), options)));
  const group = await aws.someoneElse('CreateTargetGroup', {
    Name: 'theirs',
    Protocol: 'TCP',
    Port: '80',
    VpcId: 'vpc-1',
    TargetType: 'ip',
  });
  const foreign = await aws.someoneElse('CreateListener', {
    LoadBalancerArn: loadBalancerArn,
    Protocol: 'TCP',
    Port: '30000',
    'DefaultActions.member.1.Type': 'forward',
    'DefaultActions.member.1.TargetGroupArn': textOf(group, 'TargetGroupArn'),
  });
  aws.emulator.callLog.reset();
  const error = refusal(await run(aws.provider.createListener(wanted(), targetGroupArn, options)));
  assert.equal(error.reason, 'ListenerConflict');
  assert.ok(error.message.includes(textOf(foreign, 'ListenerArn')));
  assert.equal(error.aws?.errorCode, 'DuplicateListener');
  assert.ok(error.aws?.requestId);
  assert.deepEqual(aws.mutations(), ['CreateListener']);
});

test('createListener() points a listener of ours at the group that is wanted', async () => {
  const { aws, run, make, wanted, loadBalancerArn } = await world();
  const { listenerArn } = await make();
  const other = await aws.someoneElse('CreateTargetGroup', {
    Name: 'another',
    Protocol: 'UDP',
    Port: '30000',
    VpcId: 'vpc-1',
    TargetType: 'ip',
  });
  const moved = value(await run(aws.provider.createListener(wanted(), textOf(other, 'TargetGroupArn'), options)));
  assert.equal(moved.listenerArn, listenerArn);
  const listeners = await aws.someoneElse('DescribeListeners', { LoadBalancerArn: loadBalancerArn });
  assert.equal(textOf(listeners, 'TargetGroupArn'), textOf(other, 'TargetGroupArn'));
});

test('createListener() names the quota that is used up', async () => {
  const { aws, run, wanted } = await world({ set: { 'listeners-per-load-balancer': '0' } });
  const { targetGroupArn } = value(await run(aws.provider.createTargetGroup(wanted(), options)));
  const error = refusal(await run(aws.provider.createListener(wanted(), targetGroupArn, options)));
  assert.equal(error.reason, 'AwsQuotaExceeded');
  assert.equal(error.aws?.errorCode, 'TooManyListeners');
});

test('deleteTargetGroup() waits while AWS still sees the group in use after its listener is gone', async () => {
  const { aws, run, make } = await world({ set: { 'in-use-delay': '9s' } });
  const { targetGroupArn, listenerArn } = await make();
  value(await run(aws.provider.deleteListener(listenerArn, options)));
  const startMs = aws.clock.nowMs();
  value(await run(aws.provider.deleteTargetGroup(targetGroupArn, options)));
  const tookMs = aws.clock.nowMs() - startMs;
  assert.ok(tookMs >= 9000 && tookMs < 12_000, `took ${tookMs} ms`);
});

test('deleteTargetGroup() is an error where the group stays in use', async () => {
  const { aws, run, make } = await world();
  const { targetGroupArn } = await make();
  const startMs = aws.clock.nowMs();
  const error = refusal(await run(aws.provider.deleteTargetGroup(targetGroupArn, options)));
  assert.equal(error.reason, 'AwsResourceInUse');
  assert.equal(aws.clock.nowMs() - startMs, settleRules.forMs);
});

test('deleteTargetGroup() stops waiting where it is not wanted any more', async () => {
  const { aws, make } = await world();
  const { targetGroupArn } = await make();
  let wanted = true;
  aws.clock.after(3000, () => {
    wanted = false;
  });
  const deleting = aws.provider.deleteTargetGroup(targetGroupArn, { ...options, stillWanted: () => wanted });
  await assert.rejects(inTime(aws.clock, deleting, 5000), NotWanted);
  assert.equal(aws.emulator.callLog.count('DeleteTargetGroup'), 2);
});

test('registerTargets() on a group that is gone says so by code', async () => {
  const { aws, run, make } = await world();
  const { targetGroupArn, listenerArn } = await make();
  value(await run(aws.provider.deleteListener(listenerArn, options)));
  value(await run(aws.provider.deleteTargetGroup(targetGroupArn, options)));
  const error = refusal(await run(aws.provider.registerTargets(targetGroupArn, targets, options)));
  assert.equal(error.aws?.errorCode, 'TargetGroupNotFound');
  assert.equal(error.reason, 'AwsRejected');
});

test("a refused call is told with AWS's own code and request id", async () => {
  const { aws, run, make } = await world({ set: { deny: 'RegisterTargets' } });
  const { targetGroupArn } = await make();
  const error = refusal(await run(aws.provider.registerTargets(targetGroupArn, targets, options)));
  const call = aws.emulator.callLog.entries.find(({ action }) => action === 'RegisterTargets')!;
  assert.equal(error.reason, 'AwsAccessDenied');
  assert.deepEqual(error.aws, { action: 'RegisterTargets', errorCode: call.error, requestId: call.requestId });
  assert.ok(error.message.startsWith(`${error.code}: Cannot RegisterTargets: AWS answered ${call.error} (request `));
  // A refusal is not asked for twice.
  assert.equal(aws.emulator.callLog.count('RegisterTargets'), 1);
});

test('describeHealth() gives state and reason of each target', async () => {
  const { aws, run, make } = await world({ set: { 'registration-delay': '60s' } });
  const { targetGroupArn } = await make();
  value(await run(aws.provider.registerTargets(targetGroupArn, targets, options)));
  const [health] = value(await run(aws.provider.describeHealth(targetGroupArn, options))) ?? [];
  assert.deepEqual({ ip: health?.ip, port: health?.port, state: health?.state }, { ...targets[0], state: 'initial' });
  assert.match(health?.reason ?? '', /^Elb\./);
});

test('findResources() finds what is ours by name and tag, and nothing else', async () => {
  const { aws, run, make, wanted, loadBalancerArn } = await world();
  assert.deepEqual(value(await run(aws.provider.findResources(wanted(), options))), {});
  const made = await make();
  const found = value(await run(aws.provider.findResources(wanted(), options)));
  assert.deepEqual(found, { ...made, ipFamily: 'IPv4' });
  const stranger = { ...wanted(), portName: portObjectName(loadBalancerArn, 30001) };
  assert.deepEqual(value(await run(aws.provider.findResources(stranger, options))), {});
});

test('what is gone counts as gone where a policy that goes by tags refuses the call for it', async () => {
  const { aws, run, make } = await world();
  const { targetGroupArn, listenerArn } = await make();
  const actions = ['DeleteListener', 'DeleteTargetGroup', 'RegisterTargets', 'DeregisterTargets'];
  aws.faults.set([{ kind: 'error', actions, status: 403, code: 'AccessDenied' }]);
  assert.equal(refusal(await run(aws.provider.deleteListener(listenerArn, options))).reason, 'AwsAccessDenied');
  await aws.someoneElse('DeleteListener', { ListenerArn: listenerArn });
  await aws.someoneElse('DeleteTargetGroup', { TargetGroupArn: targetGroupArn });
  value(await run(aws.provider.deleteListener(listenerArn, options)));
  value(await run(aws.provider.deleteTargetGroup(targetGroupArn, options)));
  value(await run(aws.provider.deregisterTargets(targetGroupArn, targets, options)));
  const { aws: answer } = refusal(await run(aws.provider.registerTargets(targetGroupArn, targets, options)));
  assert.equal(answer?.errorCode, 'TargetGroupNotFound');
});
