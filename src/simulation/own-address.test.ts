import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulingGate } from '../api/names.ts';
import { createWorld, type World } from './world.ts';

async function running(fault?: (io: { what: string }) => 'unanswered' | undefined): Promise<World> {
  const world = await createWorld({ moreRoles: ['deploy/scheduling-gate.yaml'] });
  world.startOperator({}, fault ? { fault } : {});
  await world.pool('game', { ports: { min: 30000, max: 30000 } });
  return world;
}

const gatesOf = async (world: World, name: string) =>
  ((await world.pod(name)).spec.schedulingGates ?? []).map(gate => gate.name);
const gated = (...names: string[]) => ({
  ip: null,
  spec: { schedulingGates: names.map(name => ({ name })) },
});

test('a pod with our scheduling gate keeps it until its endpoint is published, and then loses no other', async () => {
  const world = await running();
  await world.room('room-1', gated('example.com/first', schedulingGate));
  await world.eventually(async () => assert.deepEqual(await gatesOf(world, 'room-1'), ['example.com/first']));
  assert.ok(world.endpointOf(await world.pod('room-1')));
  await world.end();
});

test('a pod that waits for a port keeps its gate, and so takes no place on a node', async () => {
  const world = await running();
  await world.room('room-1', gated(schedulingGate));
  await world.eventually(async () => assert.deepEqual(await gatesOf(world, 'room-1'), []));
  await world.room('room-2', gated(schedulingGate));
  await world.clock.advance(60_000);
  assert.deepEqual(await gatesOf(world, 'room-2'), [schedulingGate]);
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.deepEqual(await gatesOf(world, 'room-2'), []), 600_000);
  await world.end();
});

test('a gate that might not be opened is opened a minute after somebody has allowed it', async () => {
  const world = await createWorld({ onRefused: () => {} });
  world.startOperator();
  await world.pool('game', { ports: { min: 30000, max: 30000 } });
  await world.room('room-1', gated(schedulingGate));
  await world.eventually(async () => {
    const reasons = (await world.eventsOf('Pod', 'room-1')).map(({ reason }) => reason);
    assert.ok(reasons.includes('SchedulingGateForbidden'));
  });
  await world.clock.advance(30_000);
  world.allow('deploy/scheduling-gate.yaml');
  await world.eventually(async () => assert.deepEqual(await gatesOf(world, 'room-1'), []), 61_000);
  await world.end();
});

test('a gate whose opening got no answer is open, or opened again', async () => {
  let lost = 0;
  const isOpening = (what: string) => /^PATCH [^?]*\/pods\/room-1\?/.test(what);
  const world = await running(({ what }) => (isOpening(what) && lost++ < 3 ? 'unanswered' : undefined));
  await world.room('room-1', gated(schedulingGate));
  await world.eventually(async () => assert.deepEqual(await gatesOf(world, 'room-1'), []), 60_000);
  assert.ok(lost > 0);
  await world.end();
});
