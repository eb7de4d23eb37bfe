import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterTag, poolTag, portTag, targetGroupName } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { callClasses } from '../aws/documented-budget.ts';
import type { PolicyDocument } from '../aws/iam-policy.ts';
import { namespaces } from '../kube/resource.ts';
import { type TestParameters, testClient } from '../sandbox/elbv2/test-client.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/**
 * A life that needs every action of the policy: two ports, a room, an edit, strangers, leftovers and a change by hand in
 * AWS, the end.
 * Gives the first thing that went wrong.
 */
async function lifeWithout(action: string | undefined): Promise<string | undefined> {
  const world = await createWorld({
    ...(action === undefined ? {} : { onRefused() {} }),
    policy: shipped => ({
      ...shipped,
      Statement: shipped.Statement.map(statement => ({
        ...statement,
        Action: statement.Action.filter(name => name !== `elasticloadbalancing:${action}`),
      })),
    }),
  });
  try {
    for (const [claim, step] of steps) {
      try {
        await step(world);
      } catch {
        return claim;
      }
    }
    return undefined;
  } finally {
    await world.end();
  }
}

const limitMs = 20_000;

/** Claim by claim, in order; each leaves the world as the next one needs it. */
const steps: readonly [string, (world: World) => Promise<unknown>][] = [
  [
    "ports are made, and a stranger's listener is seen on one",
    async world => {
      await listener(world, 30002, await group(world, 'theirs'));
      world.startOperator({ 'audit-interval': '10s' });
      await world.pool('game', {
        ...{ ports: { min: 30000, max: 30002 }, targets: { deregistrationDelay: '0s' } },
        release: { on: 'Ended', quarantine: '0s' },
      });
      await world.eventually(async () => assert.equal((await world.port(30002)).status?.phase, 'Conflict'), limitMs);
    },
  ],
  [
    'a leftover of ours is taken over, and the room on it is served and called healthy',
    async world => {
      await leftovers(world);
      await world.room('room-1');
      await world.eventually(async () => {
        const endpoint = world.endpointOf(await world.pod('room-1')) ?? '';
        assert.ok(endpoint.endsWith(':30000'));
        assert.equal(await world.ask(endpoint), 'room-1');
        assert.equal((await world.port(30000)).status?.conditions?.find(c => c.type === 'Healthy')?.status, 'True');
      }, limitMs);
    },
  ],
  [
    'a room on a port without leftovers is served, with the attributes that its target group has to have',
    async world => {
      await world.room('room-2');
      await world.eventually(async () => {
        assert.equal(await world.ask(world.endpointOf(await world.pod('room-2'))!), 'room-2');
        assert.ok((await world.port(30001)).status?.conditions?.every(c => c.status === 'True'));
      }, limitMs);
    },
  ],
  [
    "an edit of the pool's health check reaches AWS",
    async world => {
      await world.editPool('game', { healthCheck: { interval: '15s' } });
      await world.eventually(async () => {
        const arn = (await world.port(30001)).status?.targetGroupArn ?? 'none';
        const group = await world.aws('DescribeTargetGroups', { TargetGroupArns: [arn] });
        assert.equal(group.text('HealthCheckIntervalSeconds'), '15');
      }, limitMs);
    },
  ],
  [
    'an attribute that was changed by hand is set back by the audit',
    async world => {
      const { targetGroupArn: TargetGroupArn = 'none' } = (await world.port(30001)).status ?? {};
      const changed = [{ Key: 'load_balancing.cross_zone.enabled', Value: 'false' }];
      await world.aws('ModifyTargetGroupAttributes', { TargetGroupArn, Attributes: changed });
      await world.eventually(async () => {
        const { body } = await world.aws('DescribeTargetGroupAttributes', { TargetGroupArn });
        assert.ok(!/cross_zone\.enabled<\/Key>\s*<Value>false|<Value>false<\/Value>\s*<Key>[^<]*cross_zone/.test(body));
      }, limitMs);
    },
  ],
  [
    'rooms that have ended are deregistered, and all that was made is taken down',
    async world => {
      await world.removeRoom('room-1');
      await world.removeRoom('room-2');
      await world.eventually(async () => {
        for (const number of [30000, 30001]) assert.equal((await world.port(number)).status?.phase, 'Cold');
        const left = await world.aws('DescribeTargetGroups');
        assert.deepEqual(left.texts('TargetGroupName').toSorted(), ['elsewhere', 'theirs']);
        const { arn } = world.loadBalancers[0]!;
        const listeners = await world.aws('DescribeListeners', { LoadBalancerArn: arn });
        assert.deepEqual(listeners.texts('Port'), ['30002']);
      }, limitMs);
    },
  ],
];

async function group(world: World, Name: string, more = {}): Promise<string> {
  const shape = { Protocol: 'UDP', Port: 30000, VpcId: 'vpc-1', TargetType: 'ip', HealthCheckProtocol: 'TCP' };
  return (await world.aws('CreateTargetGroup', { ...shape, Name, ...more })).text('TargetGroupArn') ?? '';
}

async function listener(world: World, Port: number, TargetGroupArn: string, more = {}): Promise<void> {
  const LoadBalancerArn = world.loadBalancers[0]!.arn;
  const DefaultActions = [{ Type: 'forward', TargetGroupArn }];
  await world.aws('CreateListener', { LoadBalancerArn, Protocol: 'UDP', Port, DefaultActions, ...more });
}

/** What an earlier process of this cluster left on port 30000: our target group, and our listener pointing elsewhere. */
async function leftovers(world: World): Promise<void> {
  const { metadata } = await world.kube.get(namespaces, { name: 'kube-system' });
  const { arn } = world.loadBalancers[0]!;
  const Tags = [
    { Key: clusterTag, Value: metadata.uid ?? '' },
    { Key: portTag, Value: `nlb-${arn.split('/').at(-1)}-30000` },
    { Key: poolTag, Value: 'game' },
  ];
  await group(world, targetGroupName(metadata.uid ?? '', arn, 30000), { Tags, HealthCheckIntervalSeconds: 30 });
  await listener(world, 30000, await group(world, 'elsewhere'), { Tags });
}

test('the shipped policy is enough for a whole life of rooms', async () => {
  assert.equal(await lifeWithout(undefined), undefined);
});

for (const action of [...Object.keys(callClasses), 'AddTags']) {
  test(`the shipped policy without ${action} is not enough: something that is promised is not kept`, async t => {
    const broken = await lifeWithout(action);
    assert.ok(broken);
    t.diagnostic(`${action}: not kept is "${broken}"`);
  });
}

/** A listener of someone else on the first port of the pool, and what may not change of it. */
async function withStranger(policy?: WorldOptions['policy']) {
  const world = await createWorld(policy ? { policy } : {});
  await listener(world, 30000, await group(world, 'theirs'));
  const [theirs] = [...(world.emulator.look()[0]?.listeners.values() ?? [])];
  assert.ok(theirs);
  return { world, theirs, shape: JSON.stringify([theirs.port, theirs.protocol, [...theirs.tags]]) };
}

const allowEverything = (shipped: PolicyDocument): PolicyDocument => ({
  ...shipped,
  Statement: [{ Sid: 'All', Effect: 'Allow', Action: ['*'], Resource: '*' }],
});

test('a listener of someone else is left alone by our code, though IAM would let it be changed', async () => {
  const { world, theirs, shape } = await withStranger(allowEverything);
  const arn = encodeURIComponent(theirs.arn);
  world.startOperator({ 'audit-interval': '10s' });
  await world.pool('game', { ports: { min: 30000, max: 30001 }, warm: 2, release: { on: 'Ended', quarantine: '0s' } });
  await world.room('room-1');
  await world.eventually(async () => {
    assert.equal((await world.port(30000)).status?.phase, 'Conflict');
    assert.ok(world.endpointOf(await world.pod('room-1'))?.endsWith(':30001'));
  });
  await world.removeRoom('room-1');
  await world.kube.delete(nlbPortPools, { name: 'game' });
  await world.eventually(async () => assert.deepEqual(await world.ports(), []), 120_000);
  const changes = world.trace.lines.filter(line => / aws /.test(line) && !/Action=Describe/.test(line));
  assert.ok(changes.length > 4);
  assert.deepEqual(
    changes.filter(line => line.includes(arn)),
    [],
  );
  const [left] = [...(world.emulator.look()[0]?.listeners.values() ?? [])];
  assert.equal(JSON.stringify([left?.port, left?.protocol, [...(left?.tags ?? [])]]), shape);
  await world.end();
});

test("a listener of someone else is out of the operator's reach by IAM, whatever our code would try", async () => {
  const { world, theirs } = await withStranger();
  const operator = testClient(world.emulator.handle, world.clock, { accessKeyId: 'AKIAOPERATOR' });
  const attempts: [string, TestParameters][] = [
    ['DeleteListener', { ListenerArn: theirs.arn }],
    ['ModifyListener', { ListenerArn: theirs.arn, Port: 30001 }],
    ['AddTags', { ResourceArns: [theirs.arn], Tags: [{ Key: clusterTag, Value: world.cluster.systemUid }] }],
  ];
  for (const [action, parameters] of attempts) {
    assert.equal((await operator(action, parameters)).code, 'AccessDenied', action);
  }
  await assert.rejects(world.end(), /do not allow/);
});
