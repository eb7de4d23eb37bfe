import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../api/conditions.ts';
import { nlbPorts } from '../api/port.ts';
import { assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

async function running(pool: Record<string, unknown> = {}, options: WorldOptions = {}): Promise<World> {
  const world = await createWorld(options);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 }, ...pool });
  return world;
}

test('a warm port whose AWS resources were deleted by hand is made anew when it is bound', async () => {
  const world = await running({ warm: 1 });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'));
  const { listenerArn = '', targetGroupArn = '' } = (await world.port(30000)).status ?? {};
  await world.aws('DeleteListener', { ListenerArn: listenerArn });
  await world.aws('DeleteTargetGroup', { TargetGroupArn: targetGroupArn });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world), 60_000);
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-1'))!), 'room-1');
  await world.end();
});

test('a stranger registered in a warm group is deregistered before the port is given to a room', async () => {
  const world = await running({ warm: 3 });
  const promises = await watchPromises(world);
  await world.eventually(async () => {
    assert.equal((await world.ports()).length, 3);
    for (const { status } of await world.ports()) assert.equal(status?.phase, 'Available');
  });
  const { name } = (await world.port(30000)).metadata;
  const { targetGroupArn = '' } = (await world.port(30000)).status ?? {};
  await world.aws('RegisterTargets', { TargetGroupArn: targetGroupArn, Targets: [{ Id: '10.9.9.9', Port: 1 }] });
  // The object is made again: what the next one finds in AWS is not known to be new.
  await world.kube.delete(nlbPorts, { name });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'), 60_000);
  await world.clock.advance(10_000);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  // That someone is in the group of a port that nobody holds is the point here.
  assert.deepEqual(
    promises.broken.filter(what => !/has targets and no claim: .*10\.9\.9\.9/.test(what)),
    [],
  );
  assert.ok(world.trace.lines.some(line => /Action=DeregisterTargets.*10\.9\.9\.9/.test(line)));
  await world.end();
});

test('NLBPorts that are all deleted by hand come back, and the live room notices nothing', async () => {
  const world = await running({ warm: 2 });
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const endpoint = world.endpointOf(await world.pod('room-1'))!;
  for (const { metadata } of await world.ports()) await world.kube.delete(nlbPorts, { name: metadata.name });
  await world.clock.advance(30_000);
  await assertSettled(world);
  assert.equal((await world.ports()).length, 3);
  assert.equal(await world.ask(endpoint), 'room-1');
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a bound NLBPort that was deleted leaves nothing in AWS when its room has ended and it is made again', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const { name, uid } = (await world.port(30000)).metadata;
  await world.kube.delete(nlbPorts, { name });
  await world.clock.advance(5_000);
  await world.removeRoom('room-1');
  await world.eventually(async () => {
    assert.notEqual((await world.port(30000)).metadata.uid, uid);
    await assertSettled(world, []);
  }, 60_000);
  assert.deepEqual((await world.aws('DescribeTargetGroups')).texts('TargetGroupArn'), []);
  await world.end();
});

test('a room whose load balancer was deleted is told so: it is not healthy any more', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  await world.aws('DeleteLoadBalancer', { LoadBalancerArn: world.loadBalancers[0]!.arn });
  await world.eventually(async () => {
    const ready = (await world.pod('room-1')).status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
    assert.deepEqual([ready?.status, ready?.reason], ['False', 'LoadBalancerNotFound']);
    const reasons = (await world.eventsOf('Pod', 'room-1')).map(({ reason, type }) => `${type} ${reason}`);
    assert.ok(reasons.includes('Warning LoadBalancerNotFound'), reasons.join());
  }, 300_000);
  await world.end();
});

test('a load balancer deleted under its rooms is told, and its ports go when they end', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const [loadBalancer] = world.loadBalancers;
  await world.aws('DeleteLoadBalancer', { LoadBalancerArn: loadBalancer!.arn });
  world.loadBalancers.length = 0;
  await world.clock.advance(200_000);
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.deepEqual(await world.ports(), []), 120_000);
  assert.deepEqual((await world.aws('DescribeTargetGroups')).texts('TargetGroupArn'), []);
  await world.end();
});

test('a pool that grows again while ports are on their way out gets them back whole', async () => {
  const world = await running({ warm: 3 });
  await world.eventually(async () => {
    assert.equal((await world.ports()).length, 3);
    for (const { status } of await world.ports()) assert.equal(status?.phase, 'Available');
  });
  for (let flip = 0; flip < 6; flip++) {
    await world.editPool('game', { ports: { min: 30000, max: 30000 } });
    await world.clock.advance(40 + 170 * flip);
    await world.editPool('game', { ports: { min: 30000, max: 30002 } });
    await world.clock.advance(300 + 90 * flip);
  }
  await world.eventually(async () => {
    assert.equal((await world.ports()).length, 3);
    for (const { status } of await world.ports()) assert.equal(status?.phase, 'Available');
    await assertSettled(world, []);
  }, 60_000);
  await world.end();
});

test('a port that a person bound for a claimant of another kind is served, and never swept', async () => {
  const world = await running();
  await world.eventually(async () => assert.equal((await world.ports()).length, 3));
  const { name } = (await world.port(30001)).metadata;
  const claim = {
    kind: 'Tournament',
    namespace: 'default',
    name: 'final',
    uid: 'by-hand',
    portName: 'default',
    exposed: true,
  };
  const body = { spec: { claim, targets: [{ ip: '10.0.7.7', port: 7777 }] } };
  await world.kube.patch(nlbPorts, { name }, { type: 'merge', body });
  await world.room('room-1');
  await world.clock.advance(120_000);
  const port = await world.port(30001);
  assert.equal(port.spec.claim?.uid, 'by-hand');
  assert.equal(port.status?.phase, 'Bound');
  assert.ok(port.status?.endpoint);
  await assertSettled({ ...world, pods: async () => [...(await world.pods()), standIn] }, ['room-1']);
  await world.end();
});

test('many targets go in and out of AWS a hundred at a time, and a quota keeps out only the last', async () => {
  const world = await running({ warm: 1 }, { set: { 'targets-per-load-balancer-cross-zone': '250' } });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'));
  const { name } = (await world.port(30000)).metadata;
  const claim = { kind: 'Tournament', namespace: 'default', name: 'final', uid: 'by-hand', exposed: true };
  const targets = Array.from({ length: 290 }, (_, n) => ({ ip: `10.1.${n >> 8}.${n & 255}`, port: 7777 }));
  const write = (spec: object) => world.kube.patch(nlbPorts, { name }, { type: 'merge', body: { spec } });
  const statesOf = async () => (await world.port(30000)).status?.targets?.map(({ state }) => state) ?? [];
  const writes = () =>
    world.trace.lines.filter(line => line.includes(`PUT /apis/nlbports.dev/v1alpha1/nlbports/${name}`));
  const before = writes().length;
  await write({ claim, targets });
  await world.clock.advance(10_000);
  assert.equal(writes().length - before, 4, 'what is coming, each hundred, what AWS said');
  const states = await statesOf();
  assert.deepEqual([states.length, states.filter(state => state === 'Registered').length], [290, 200]);
  const registered = findCondition((await world.port(30000)).status?.conditions, 'TargetsRegistered');
  assert.match(registered?.message ?? '', /TooManyTargets/);
  await write({ claim: { ...claim, releasedAt: new Date(world.clock.nowMs()).toISOString() }, targets: [] });
  await world.clock.advance(2_000);
  assert.deepEqual(new Set(await statesOf()), new Set(['Draining']));
  const calls = world.emulator.callLog.entries.filter(({ action }) => action === 'DeregisterTargets');
  assert.equal(calls.length, 3);
  await world.end();
});

/** Stands for the claimant that no pod is. */
const standIn = { metadata: { name: 'final', uid: 'by-hand' }, spec: { containers: [] } };
