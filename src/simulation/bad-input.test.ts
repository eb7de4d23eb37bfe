import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portsAnnotation, readyCondition } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { namespaces, pods } from '../kube/resource.ts';
import type { Fault } from '../sandbox/elbv2/faults.ts';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type RoomOptions, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

/** The API's limit of an Event's note. */
const maxNoteBytes = 1024;

async function running(pool: Record<string, unknown> = {}): Promise<World> {
  const world = await createWorld();
  world.startOperator();
  await world.kube.create(namespaces, { metadata: { name: 'elsewhere' } });
  await world.pool('game', {
    ...quick,
    ports: { min: 30000, max: 30002 },
    access: { namespaces: ['default'] },
    ...pool,
  });
  return world;
}

test('pods that name pools that there are not are counted together, whatever they name', async () => {
  const world = await createWorld();
  const { operator } = world.startOperator();
  await world.pool('game', quick);
  for (const name of ['nowhere', 'neither']) await world.room(`of-${name}`, { pool: name });
  await world.room('served');
  await world.clock.advance(5_000);
  const { values } = await operator.metrics.registry.getSingleMetric('nlbports_allocations_total')!.get();
  const told = values.map(({ labels, value }) => [labels.pool, labels.reason, value].join(' '));
  assert.deepEqual(told.toSorted(), [' PoolNotFound 2', 'game Bound 1']);
  await world.end();
});

/** Within 5 s: the condition with this reason, and one Warning Event, each message beginning with the code. */
async function assertTold(world: World, name: string, reason: string, code: string, namespace = 'default') {
  return await world.eventually(async () => {
    const pod = await world.pod(name, namespace);
    const ready = pod.status?.conditions?.find(({ type }) => type === readyCondition);
    assert.equal(ready?.status, 'False');
    assert.equal(ready?.reason, reason);
    assert.ok(ready?.message?.startsWith(`${code}: `), ready?.message);
    assert.ok(Buffer.byteLength(ready?.message ?? '') <= maxNoteBytes);
    const told = (await world.eventsOf('Pod', name)).filter(event => event.reason === reason);
    assert.equal(told.length, 1);
    assert.equal(told[0]!.type, 'Warning');
    assert.ok(told[0]!.note.startsWith(`${code}: `), told[0]!.note);
    assert.ok(Buffer.byteLength(told[0]!.note) <= maxNoteBytes);
    return ready?.message ?? '';
  }, 5_000);
}

const mirror = { 'kubernetes.io/config.mirror': 'x' };
const tooManyPorts = Array.from({ length: 51 }, (_, at) => `port-${at}=${7000 + at}/UDP`).join();
const wrongs: [string, RoomOptions, reason: string, code: string][] = [
  ['an unknown pool', { pool: 'nowhere' }, 'PoolNotFound', 'NLBP-1001'],
  ['a namespace without access', { namespace: 'elsewhere' }, 'AccessDenied', 'NLBP-1002'],
  ['ports that can not be read', { ports: 'game:7777' }, 'MalformedPorts', 'NLBP-1003'],
  ['an empty list of ports', { ports: '' }, 'MalformedPorts', 'NLBP-1003'],
  ['port 0', { ports: '0/UDP' }, 'InvalidPortNumber', 'NLBP-1004'],
  ['port 65536', { ports: '65536/UDP' }, 'InvalidPortNumber', 'NLBP-1004'],
  ['a protocol that the pool lacks', { ports: '7777/TCP' }, 'ProtocolNotInPool', 'NLBP-1005'],
  ['too many ports', { ports: tooManyPorts }, 'TooManyPorts', 'NLBP-1015'],
  ['an annotation of 200 KB', { ports: '7'.repeat(200 * 1024) }, 'PortsTooLong', 'NLBP-1007'],
  ['an annotation of 200 KB in another script', { ports: '€'.repeat(70_000) }, 'PortsTooLong', 'NLBP-1007'],
  ['neither annotation nor a single containerPort', { ports: null }, 'NoSinglePort', 'NLBP-1008'],
  ['a mirror pod', { annotations: mirror }, 'MirrorPod', 'NLBP-1009'],
  ['the host network', { spec: { hostNetwork: true } }, 'HostNetwork', 'NLBP-1010'],
];

test('what is wrong with a pod is told by condition and Event, and the rest is not affected', async () => {
  const world = await running();
  for (const [index, [, options]] of wrongs.entries()) await world.room(`wrong-${index}`, options);
  await world.room('right');
  for (const [index, [what, options, reason, code]] of wrongs.entries()) {
    await assertTold(world, `wrong-${index}`, reason, code, options.namespace).catch(error => {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    });
  }
  await world.eventually(() => assertSettled(world, ['right']));
  await world.clock.advance(120_000);
  const writes = world.trace.lines.filter(line =>
    /PATCH .*\/pods\/wrong-\d+\/status\?fieldManager=nlbports/.test(line),
  );
  assert.equal(writes.length, wrongs.length, 'told once each');
  await world.end();
});

test('a wrong wish that is changed into another wrong wish is told anew, and a right one is served', async () => {
  const world = await running();
  const annotate = (text: string) =>
    world.kube.patch(
      pods,
      { namespace: 'default', name: 'room' },
      { type: 'merge', body: { metadata: { annotations: { [portsAnnotation]: text } } } },
    );
  await world.room('room', { ports: 'first' });
  assert.match(await assertTold(world, 'room', 'MalformedPorts', 'NLBP-1003'), /"first"/);
  await annotate('second');
  await world.eventually(async () => {
    const ready = (await world.pod('room')).status?.conditions?.find(({ type }) => type === readyCondition);
    assert.match(ready?.message ?? '', /"second"/);
  }, 5_000);
  await annotate('7777/UDP');
  await world.eventually(() => assertSettled(world));
  await world.end();
});

test('a pod that waits for its pool, or for access, is served when it gets them', async () => {
  const world = await running();
  await world.room('early', { pool: 'late' });
  await world.room('outside', { namespace: 'elsewhere' });
  await assertTold(world, 'early', 'PoolNotFound', 'NLBP-1001');
  await assertTold(world, 'outside', 'AccessDenied', 'NLBP-1002', 'elsewhere');
  await world.pool('late', { ...quick, ports: { min: 31000, max: 31000 } });
  await world.editPool('game', { access: { namespaces: ['default', 'else*'] } });
  await world.eventually(() => assertSettled(world));
  await world.end();
});

test('a forged commit gains nothing and costs next to nothing', async () => {
  const world = await createWorld();
  const { wires } = world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 } });
  await world.room('honest');
  await world.eventually(() => assertSettled(world));
  const { name } = (await world.port(30000)).metadata;
  const before = wires.count;
  const forged = [name, '../../../api/v1/namespaces/default/pods/honest', ...Array(10_000).fill('nlb-x-1'), name];
  await world.room('forger', { annotations: { 'nlbports.dev/bound': forged.join() } });
  await world.eventually(() => assertSettled(world));
  assert.equal((await world.port(30000)).spec.claim?.name, 'honest');
  assert.ok(wires.count - before < 60, `${wires.count - before} requests`);
  await world.end();
});

/** The pool's Ready condition and one Warning Event, within 5 s. */
async function assertPoolTold(world: World, name: string, reason: string, code: string): Promise<string> {
  return await world.eventually(async () => {
    const pool = await world.kube.get(nlbPortPools, { name });
    const ready = pool.status?.conditions?.find(({ type }) => type === 'Ready');
    assert.equal(ready?.reason, reason);
    assert.ok(ready?.message.startsWith(`${code}: `), ready?.message);
    const told = (await world.eventsOf('NLBPortPool', name)).filter(event => event.reason === reason);
    assert.equal(told.length, 1);
    assert.equal(told[0]!.type, 'Warning');
    assert.ok(Buffer.byteLength(told[0]!.note) <= maxNoteBytes);
    return ready?.message ?? '';
  }, 5_000);
}

test('a load balancer that is missing, or none of ours, is told on the pool and on the pods that wait', async () => {
  const world = await running();
  const missing = 'arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/gone/0123456789abcdef';
  const application = await world.addLoadBalancer('web', { Type: 'application', Subnets: ['subnet-1', 'subnet-2'] });
  const ports = { min: 31000, max: 31000 };
  await world.pool('missing', { ...quick, loadBalancers: [{ arn: missing }], ports });
  await world.pool('application', { ...quick, loadBalancers: [{ arn: application.arn }], ports });
  await world.pool('untagged', { ...quick, loadBalancers: [{ tags: { team: 'nobody' } }], ports });
  await world.pool('nonsense', { ...quick, loadBalancers: [{ arn: 'x'.repeat(2048) }], ports });
  await world.room('waits', { pool: 'missing' });
  await world.room('right');
  await assertPoolTold(world, 'missing', 'LoadBalancerNotFound', 'NLBP-2001');
  await assertPoolTold(world, 'application', 'NotANetworkLoadBalancer', 'NLBP-2002');
  await assertPoolTold(world, 'untagged', 'NoLoadBalancerTagged', 'NLBP-2004');
  await assertPoolTold(world, 'nonsense', 'LoadBalancerNotFound', 'NLBP-2001');
  await assertTold(world, 'waits', 'PoolNotReady', 'NLBP-1012');
  await world.eventually(() => assertSettled(world, ['right']));
  await world.end();
});

const denied = (actions: string[]): Fault => ({ kind: 'error', actions, code: 'AccessDenied', status: 403 });

for (const action of ['CreateTargetGroup', 'ModifyTargetGroupAttributes', 'CreateListener', 'RegisterTargets']) {
  test(`AWS refusing ${action} is told with its code on port and pod, and is over when AWS allows it`, async () => {
    const world = await running();
    world.awsFaults.set([denied([action])]);
    await world.room('room');
    const message = await assertTold(world, 'room', 'AwsAccessDenied', 'NLBP-4001');
    assert.match(message, new RegExp(`${action}: AWS answered AccessDenied \\(request [-0-9a-z]+\\)`));
    const port = await world.port(30000);
    const failed = port.status?.conditions?.find(({ reason }) => reason === 'AwsAccessDenied');
    assert.equal(failed?.type, action === 'RegisterTargets' ? 'TargetsRegistered' : 'Provisioned');
    const told = (await world.eventsOf('NLBPort', port.metadata.name)).filter(({ type }) => type === 'Warning');
    assert.equal(told.length, 1);
    await world.clock.advance(60_000);
    const retold = (await world.eventsOf('NLBPort', port.metadata.name)).filter(({ type }) => type === 'Warning');
    assert.equal(retold.length, 1, 'one Event per change of state, never per retry');
    assert.equal(retold[0]!.series, undefined);
    world.awsFaults.set([]);
    await world.eventually(async () => {
      await assertSettled(world);
      const ready = (await world.pod('room')).status?.conditions?.find(({ type }) => type === readyCondition);
      assert.equal(ready?.reason, 'Healthy');
    }, 120_000);
    await world.end();
  });
}

for (const [action, type] of [
  ['DeregisterTargets', 'TargetsRegistered'],
  ['DeleteListener', 'Provisioned'],
  ['DeleteTargetGroup', 'Provisioned'],
] as const) {
  test(`AWS refusing ${action} is told with its code on the port, once, and is over when AWS allows it`, async () => {
    const world = await running();
    await world.room('room');
    await world.eventually(() => assertSettled(world));
    world.awsFaults.set([denied([action])]);
    await world.removeRoom('room');
    const { name } = (await world.port(30000)).metadata;
    await world.eventually(async () => {
      const found = (await world.port(30000)).status?.conditions?.find(condition => condition.type === type);
      assert.equal(found?.reason, 'AwsAccessDenied');
      assert.match(found?.message ?? '', new RegExp(`${action}: AWS answered AccessDenied`));
    }, 60_000);
    await world.clock.advance(60_000);
    const found = (await world.port(30000)).status?.conditions?.find(condition => condition.type === type);
    assert.equal(found?.reason, 'AwsAccessDenied');
    const told = (await world.eventsOf('NLBPort', name)).filter(({ reason }) => reason === 'AwsAccessDenied');
    assert.equal(told.length, 1);
    assert.equal(told[0]!.series, undefined);
    world.awsFaults.set([]);
    await world.eventually(async () => {
      const port = await world.port(30000);
      assert.equal(port.status?.phase, 'Cold');
      assert.equal(port.status?.conditions?.find(({ type }) => type === 'Provisioned')?.reason, 'NotNeeded');
    }, 150_000);
    await world.eventually(() => assertSettled(world, []));
    await world.end();
  });
}

test('a pod without an IPv4 address is told so, and served when it has one', async () => {
  const world = await running();
  await world.room('room', { ip: 'fd00::1' });
  await assertTold(world, 'room', 'AddressFamily', 'NLBP-1014');
  await world.setIP('room', '10.0.9.9');
  await world.eventually(() => assertSettled(world));
  await world.end();
});

test('a quarantine that one AWS call can outlast earns the pool a warning', async () => {
  const world = await running({ release: { on: 'Ended', quarantine: '0s' } });
  await world.eventually(async () => {
    const pool = await world.kube.get(nlbPortPools, { name: 'game' });
    const safe = pool.status?.conditions?.find(({ type }) => type === 'QuarantineSafe');
    assert.equal(safe?.status, 'False');
    assert.match(safe?.message ?? '', /^NLBP-2005: /);
  });
  await world.end();
});

test('a pod on which nothing more can be written is told so by an Event, and not asked about all the time', async () => {
  const world = await createWorld();
  const process = world.startOperator();
  await world.pool('game', quick);
  await world.clock.advance(5_000);
  const annotations = { 'example.com/notes': 'x'.repeat(256 * 1024 - 60) };
  await world.room('full', { annotations });
  await world.clock.advance(5_000);
  const refused = (await world.eventsOf('Pod', 'full')).filter(({ reason }) => reason === 'WriteRefused');
  assert.equal(refused.length, 1);
  assert.match(refused[0]!.note, /^NLBP-1021: .*annotations/s);
  const before = process.wires.count;
  await world.clock.advance(60_000);
  assert.ok(process.wires.count - before < 100, `${process.wires.count - before} requests in a minute`);
  const key = { namespace: 'default', name: 'full' };
  await world.kube.patch(pods, key, {
    type: 'merge',
    body: { metadata: { annotations: { 'example.com/notes': null } } },
  });
  await world.eventually(() => assertSettled(world));
  await world.end();
});
