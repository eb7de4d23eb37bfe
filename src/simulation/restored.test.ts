import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../api/conditions.ts';
import { boundAnnotation, poolLabel, readyCondition } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { nlbPorts } from '../api/port.ts';
import { pods } from '../kube/resource.ts';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type OperatorProcess, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

/** Two rooms play, on ports that they would not be given if they came now: lower ones are free, one of them warm. */
async function playing(): Promise<{ world: World; operator: OperatorProcess }> {
  const world = await createWorld();
  const operator = world.startOperator({ 'audit-interval': '10s' });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30004 }, warm: 1 });
  for (const name of ['first', 'room-1', 'room-2']) await world.room(name);
  await world.eventually(() => assertSettled(world));
  await world.removeRoom('first');
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.claim, undefined), 60_000);
  await world.eventually(() => assertSettled(world));
  return { world, operator };
}

/** Every NLBPort goes as it does when its finalizers are stripped, or when etcd is restored from before its time. */
async function losePorts(world: World): Promise<void> {
  for (const { metadata } of await world.ports()) {
    const { name } = metadata;
    await world.kube.patch(nlbPorts, { name }, { type: 'merge', body: { metadata: { finalizers: [] } } });
    await world.kube.delete(nlbPorts, { name });
  }
}

interface Restored {
  world: World;
  operator: OperatorProcess;
  /** Of room-1 and room-2. */
  endpoints: string[];
  listeners: (string | undefined)[];
  /** Where the new operator's calls begin. */
  since: number;
}

async function restored(): Promise<Restored> {
  const { world, operator: first } = await playing();
  const endpoints = await endpointsOf(world);
  const listeners = [await world.port(30001), await world.port(30002)].map(({ status }) => status?.listenerArn);
  first.kill();
  await losePorts(world);
  const since = world.emulator.callLog.entries.length;
  const operator = world.startOperator({ 'audit-interval': '10s' });
  return { world, operator, endpoints, listeners, since };
}

/** A person says that the resources are this cluster's. */
async function proceed(world: World): Promise<void> {
  const body = { metadata: { annotations: { 'nlbports.dev/proceed': 'true' } } };
  await world.kube.patch(nlbPortPools, { name: 'game' }, { type: 'merge', body });
}

async function endpointsOf(world: World): Promise<string[]> {
  return [await world.pod('room-1'), await world.pod('room-2')].map(pod => world.endpointOf(pod) ?? '');
}

/** What an operator has changed in AWS since. */
function changes(world: World, since: number): string[] {
  return world.emulator.callLog.entries
    .slice(since)
    .map(({ action }) => action)
    .filter(action => !action.startsWith('Describe'));
}

async function assertRoomsAnswer(world: World, endpoints: readonly string[]): Promise<void> {
  assert.deepEqual(await endpointsOf(world), endpoints);
  for (const [at, endpoint] of endpoints.entries()) assert.equal(await world.ask(endpoint), `room-${at + 1}`);
}

test('a leader that finds resources of its own and no NLBPort makes none, changes nothing, and says so', async () => {
  const { world, operator, endpoints, since } = await restored();
  await world.room('new');
  for (let minute = 0; minute < 5; minute++) {
    await world.clock.advance(60_000);
    assert.deepEqual(await world.ports(), []);
    await assertRoomsAnswer(world, endpoints);
  }
  assert.deepEqual(changes(world, since), []);
  const { status } = await world.kube.get(nlbPortPools, { name: 'game' });
  const ready = findCondition(status?.conditions, 'Ready');
  assert.deepEqual([ready?.status, ready?.reason], ['False', 'ClusterRestored']);
  assert.match(ready?.message ?? '', /^NLBP-2007: Cannot make NLBPorts: .*arn:aws:elasticloadbalancing/);
  const told = (await world.eventsOf('NLBPortPool', 'game')).filter(({ reason }) => reason === 'ClusterRestored');
  assert.equal(told.length, 1);
  const newcomer = (await world.pod('new')).status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  assert.equal(newcomer?.reason, 'PoolNotReady');
  assert.match(newcomer?.message ?? '', /a person must decide first; NLBP-2007/);
  const { values } = await operator.operator.metrics.registry.getSingleMetric('nlbports_cluster_restored')!.get();
  assert.equal(values[0]?.value, 1);
  await world.end();
});

test('a restored pool stays held back under the next leader, until AWS holds nothing of the cluster any more', async () => {
  const { world, operator } = await restored();
  await world.clock.advance(20_000);
  operator.kill();
  world.startOperator({ 'audit-interval': '10s' });
  await world.clock.advance(200_000);
  assert.deepEqual(await world.ports(), []);
  for (const arn of (await world.aws('DescribeListeners', { LoadBalancerArn: world.loadBalancers[0]!.arn })).texts(
    'ListenerArn',
  )) {
    await world.aws('DeleteListener', { ListenerArn: arn });
  }
  for (const arn of (await world.aws('DescribeTargetGroups')).texts('TargetGroupArn')) {
    await world.aws('DeleteTargetGroup', { TargetGroupArn: arn });
  }
  await world.eventually(() => assertSettled(world), 200_000);
  await world.end();
});

test('once a person says so, live rooms get the ports back that they are behind, and never stop answering', async () => {
  const { world, endpoints, listeners, since } = await restored();
  await world.clock.advance(20_000);
  await world.room('room-3');
  await proceed(world);
  for (let at = 0; at < 60; at++) {
    await world.clock.advance(1_500);
    await assertRoomsAnswer(world, endpoints);
  }
  await world.eventually(() => assertSettled(world), 60_000);
  await assertRoomsAnswer(world, endpoints);
  for (const [at, arn] of listeners.entries()) {
    assert.equal((await world.port(30001 + at)).status?.listenerArn, arn, 'the listener is the one that was there');
  }
  assert.ok(!changes(world, since).includes('DeregisterTargets'));
  await world.end();
});

test('NLBPorts that are deleted after a person has let a restored pool go on are made again by the same leader', async () => {
  const { world, endpoints } = await restored();
  await world.clock.advance(20_000);
  await proceed(world);
  await world.eventually(() => assertSettled(world), 120_000);
  const body = { metadata: { annotations: { 'nlbports.dev/proceed': null } } };
  await world.kube.patch(nlbPortPools, { name: 'game' }, { type: 'merge', body });
  await world.clock.advance(5_000);
  await losePorts(world);
  await world.eventually(async () => assert.equal((await world.ports()).length, 5), 60_000);
  await world.eventually(() => assertSettled(world), 60_000);
  await assertRoomsAnswer(world, endpoints);
  await world.end();
});

test('live rooms get their ports back where their pool comes back after the operator, and say the same all the time', async () => {
  const { world, operator: first } = await playing();
  const endpoints = await endpointsOf(world);
  const saidBy = async () =>
    [await world.pod('room-1'), await world.pod('room-2')].map(({ metadata, status }) => [
      metadata.annotations,
      status?.conditions,
    ]);
  const said = await saidBy();
  first.kill();
  await losePorts(world);
  const { spec } = await world.kube.get(nlbPortPools, { name: 'game' });
  await world.kube.patch(nlbPortPools, { name: 'game' }, { type: 'merge', body: { metadata: { finalizers: [] } } });
  await world.kube.delete(nlbPortPools, { name: 'game' });
  world.startOperator({ 'audit-interval': '10s' });
  await world.room('new');
  await world.clock.advance(30_000);
  const newcomer = (await world.pod('new')).status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  assert.equal(newcomer?.reason, 'PoolNotFound');
  assert.deepEqual(await saidBy(), said);
  await world.pool('game', { ...spec });
  for (let at = 0; at < 20; at++) {
    await world.clock.advance(1_000);
    assert.deepEqual(await saidBy(), said);
  }
  await proceed(world);
  for (let at = 0; at < 60; at++) {
    await world.clock.advance(1_000);
    await assertRoomsAnswer(world, endpoints);
  }
  await world.eventually(() => assertSettled(world), 60_000);
  await assertRoomsAnswer(world, endpoints);
  await world.end();
});

test('a room whose label is changed to a pool that is not there loses its endpoint with its port', async () => {
  const { world } = await playing();
  await world.kube.patch(
    pods,
    { name: 'room-1', namespace: 'default' },
    { type: 'merge', body: { metadata: { labels: { [poolLabel]: 'nowhere' } } } },
  );
  await world.eventually(async () => {
    const pod = await world.pod('room-1');
    assert.equal(world.endpointOf(pod), undefined);
    assert.equal(pod.metadata.annotations?.[boundAnnotation], undefined);
    assert.equal(pod.status?.conditions?.find(({ type }) => type === readyCondition)?.reason, 'PoolNotFound');
  });
  await world.end();
});

test('NLBPorts that are lost under a running leader are made again, and live rooms keep their endpoints', async () => {
  const { world } = await playing();
  const endpoints = await endpointsOf(world);
  await losePorts(world);
  for (let at = 0; at < 60; at++) {
    await world.clock.advance(1_500);
    await assertRoomsAnswer(world, endpoints);
  }
  await world.eventually(() => assertSettled(world), 120_000);
  await assertRoomsAnswer(world, endpoints);
  await world.end();
});

test('what was found in a group of a port that is made again goes, where no live pod is behind it', async () => {
  const { world, operator } = await playing();
  operator.kill();
  await losePorts(world);
  await world.removeRoom('room-1');
  world.startOperator({ 'audit-interval': '10s' });
  await world.clock.advance(20_000);
  await proceed(world);
  await world.eventually(async () => {
    await assertSettled(world);
    assert.equal((await world.ports()).length, 5);
  }, 200_000);
  await world.end();
});

test('a pod with two ports gets back both, each for its own number, whatever order its commit has', async () => {
  const { world, operator } = await playing();
  await world.room('duo', { ports: 'voice=7778/UDP,game=7777/UDP' });
  const targets = async () => {
    const claimed = (await world.ports()).filter(({ spec }) => spec.claim?.name === 'duo');
    assert.equal(claimed.length, 2);
    for (const { status } of claimed) assert.ok(status?.endpoint);
    return claimed.map(({ spec: { port, claim, targets } }) => `${port} ${claim?.portName} ${targets?.[0]?.port}`);
  };
  await world.eventually(targets);
  await world.clock.advance(5_000);
  const before = await targets();
  const { metadata } = await world.pod('duo');
  const said = metadata.annotations?.['nlbports.dev/endpoints'];
  const bound = (metadata.annotations?.['nlbports.dev/bound'] ?? '').split(',').toReversed().join();
  operator.kill();
  const body = { metadata: { annotations: { 'nlbports.dev/bound': bound } } };
  await world.kube.patch(pods, { name: 'duo', namespace: 'default' }, { type: 'merge', body });
  await losePorts(world);
  world.startOperator();
  await world.clock.advance(5_000);
  await proceed(world);
  await world.eventually(async () => assert.deepEqual(await targets(), before), 120_000);
  await world.clock.advance(5_000);
  const endpoints = (text = '') => JSON.parse(text).map(({ name, port }: Record<string, unknown>) => [name, port]);
  const now = (await world.pod('duo')).metadata.annotations?.['nlbports.dev/endpoints'];
  assert.deepEqual(endpoints(now).toSorted(), endpoints(said).toSorted());
  await world.end();
});
