import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorld, type World } from './world.ts';

const settleMs = 30_000;

async function running(spec: Record<string, unknown> = {}): Promise<World> {
  const world = await createWorld();
  world.startOperator();
  // The default of the pool, which the world's own pools do without.
  const readiness = { settle: '30s' };
  await world.pool('game', { ports: { min: 30000, max: 30002 }, warm: 1, readiness, ...spec });
  return world;
}

async function readyOf(world: World, name = 'room-1') {
  const pod = await world.pod(name);
  const ready = pod.status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  return { status: ready?.status, reason: ready?.reason };
}

/** Moves time until the port's targets were called healthy, and says when that was. */
async function untilHealthy(world: World): Promise<number> {
  await world.eventually(async () => {
    const healthy = (await world.port(30000)).status?.conditions?.find(({ type }) => type === 'Healthy');
    assert.equal(healthy?.status, 'True');
  }, 120_000);
  return Date.parse((await world.port(30000)).status?.readyAfter ?? '') - settleMs;
}

test('a pod is ready when its target was healthy for the settle time, not before', async () => {
  const world = await running();
  await world.room('room-1');
  const healthyMs = await untilHealthy(world);
  assert.ok(Math.abs(world.clock.nowMs() - healthyMs) < 1_000);
  await world.eventually(async () => assert.equal((await readyOf(world)).reason, 'Settling'));
  await world.clock.advance(healthyMs + settleMs - 500 - world.clock.nowMs());
  assert.deepEqual(await readyOf(world), { status: 'False', reason: 'Settling' });
  assert.ok(world.endpointOf(await world.pod('room-1')), 'the endpoint is told before');
  await world.clock.advance(1_000);
  assert.deepEqual(await readyOf(world), { status: 'True', reason: 'Healthy' });
  await world.end();
});

test('a pod of a pool without the field settles for 30 s', async () => {
  const world = await running({ readiness: {} });
  await world.room('room-1');
  const healthyMs = await untilHealthy(world);
  await world.clock.advance(healthyMs + 29_000 - world.clock.nowMs());
  assert.equal((await readyOf(world)).status, 'False');
  await world.clock.advance(2_000);
  assert.equal((await readyOf(world)).status, 'True');
  await world.end();
});

test('a settling pod becomes ready at its time under a new operator, which remembers nothing', async () => {
  const world = await createWorld();
  const first = world.startOperator();
  await world.pool('game', { ports: { min: 30000, max: 30002 }, readiness: { settle: '30s' } });
  await world.room('room-1');
  const healthyMs = await untilHealthy(world);
  first.kill();
  world.startOperator();
  await world.clock.advance(healthyMs + settleMs - 1_000 - world.clock.nowMs());
  assert.equal((await readyOf(world)).status, 'False');
  await world.clock.advance(2_000);
  assert.equal((await readyOf(world)).status, 'True');
  await world.end();
});

test('a pod that gets another address is ready no more until that one has settled', async () => {
  const world = await running();
  await world.room('room-1');
  await untilHealthy(world);
  await world.clock.advance(settleMs + 1_000);
  assert.equal((await readyOf(world)).status, 'True');
  await world.setIP('room-1', '10.0.9.9');
  await world.clock.advance(200);
  assert.equal((await readyOf(world)).status, 'False');
  await world.clock.advance(10_000);
  await untilHealthy(world);
  await world.clock.advance(settleMs - 12_000);
  assert.equal((await readyOf(world)).status, 'False');
  await world.clock.advance(30_000);
  assert.equal((await readyOf(world)).status, 'True');
  await world.end();
});
