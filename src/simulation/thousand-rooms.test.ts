import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSettled } from './assert-settled.ts';
import { createWorld } from './world.ts';

const rooms = 1_000;
/** AWS allows 50 listeners on a load balancer. */
const loadBalancers = Array.from({ length: rooms / 50 }, (_, at) => `game-${at + 1}`);

/** 1,000 rooms are made, every tenth moves, all end: the whole operator on both simulators, in virtual time. */
async function live(seed: number): Promise<{ hash: string; virtualSeconds: number }> {
  const world = await createWorld({ seed, loadBalancers, set: { 'load-balancers': '50' } });
  const startMs = world.clock.nowMs();
  world.startOperator();
  await world.pool('game', { targets: { deregistrationDelay: '5s' }, release: { quarantine: '30s' } });
  const names = Array.from({ length: rooms }, (_, at) => `room-${at + 1}`);
  for (const name of names) await world.room(name);
  await world.eventually(() => assertSettled(world), 120_000);

  const endpoints = new Map((await world.pods()).map(pod => [pod.metadata.name, world.endpointOf(pod) ?? '']));
  assert.equal(new Set(endpoints.values()).size, rooms);
  for (const name of names.filter((_, at) => at % 10 === 0)) {
    const at = names.indexOf(name);
    await world.setIP(name, `10.${20 + Math.floor(at / 250)}.0.${at % 250}`);
  }
  await world.eventually(() => assertSettled(world), 120_000);
  for (const name of names) assert.equal(await world.ask(endpoints.get(name) ?? ''), name);

  for (const name of names) await world.removeRoom(name);
  await world.eventually(async () => {
    assert.deepEqual(await world.pods(), []);
    const phases = new Set((await world.ports()).map(port => port.status?.phase));
    assert.deepEqual([...phases], ['Cold']);
    await assertSettled(world, []);
  }, 300_000);
  await world.end();
  return { hash: world.trace.hash(), virtualSeconds: (world.clock.nowMs() - startMs) / 1_000 };
}

test('1,000 rooms are made, moved and ended in under 60 s of real time, and the same seed gives the same trace', async t => {
  const hashes: string[] = [];
  for (const seed of [1, 1]) {
    const startedMs = performance.now();
    const { hash, virtualSeconds } = await live(seed);
    const tookMs = performance.now() - startedMs;
    t.diagnostic(`${virtualSeconds.toFixed(0)} s of virtual time in ${(tookMs / 1_000).toFixed(1)} s: trace ${hash}`);
    assert.ok(tookMs < 60_000, `took ${tookMs} ms`);
    hashes.push(hash);
  }
  assert.equal(hashes[0], hashes[1]);
});
