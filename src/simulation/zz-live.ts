import assert from 'node:assert/strict';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type World } from './world.ts';

const rooms = 1_000;
/** AWS allows 50 listeners on a load balancer. */
const loadBalancers = Array.from({ length: rooms / 50 }, (_, at) => `game-${at + 1}`);

/** As `world.eventually`, in long strides: to judge a thousand rooms takes longer than to serve them for a second. */
async function eventually(world: World, check: () => Promise<void>, limitMs: number): Promise<void> {
  const endMs = world.clock.nowMs() + limitMs;
  for (;;) {
    await world.clock.advance(15_000);
    try {
      return await check();
    } catch (error) {
      if (world.clock.nowMs() >= endMs) throw error;
    }
  }
}

/** 1,000 rooms are made, every tenth moves, all end: the whole operator on both simulators, in virtual time. */
export async function live(seed: number): Promise<{ hash: string; virtualSeconds: number }> {
  const world = await createWorld({ seed, loadBalancers, set: { 'load-balancers': '50' } });
  const startMs = world.clock.nowMs();
  world.startOperator();
  await world.pool('game', { targets: { deregistrationDelay: '5s' }, release: { quarantine: '30s' } });
  const names = Array.from({ length: rooms }, (_, at) => `room-${at + 1}`);
  for (const name of names) await world.room(name);
  await eventually(world, () => assertSettled(world), 120_000);

  const endpoints = new Map((await world.pods()).map(pod => [pod.metadata.name, world.endpointOf(pod) ?? '']));
  assert.equal(new Set(endpoints.values()).size, rooms);
  for (const name of names) {
    const at = names.indexOf(name);
    await world.setIP(name, `10.${20 + Math.floor(at / 250)}.0.${at % 250}`);
  }
  await eventually(world, () => assertSettled(world), 120_000);
  for (const name of names) assert.equal(await world.ask(endpoints.get(name) ?? ''), name);

  for (const name of names) await world.removeRoom(name);
  await eventually(
    world,
    async () => {
      assert.deepEqual(await world.pods(), []);
      const phases = new Set((await world.ports()).map(port => port.status?.phase));
      assert.deepEqual([...phases], ['Cold']);
      await assertSettled(world, []);
    },
    300_000,
  );
  await world.end();
  const kinds = new Map<string, number>();
  for (const line of world.trace.lines) {
    const k = line
      .slice(13)
      .replace(/nlb-[0-9a-f]+-\d+|room-\d+/g, 'X')
      .replace(/[{ {2}return { hash: world.trace.hash()].*/, '')
      .slice(0, 90);
    kinds.set(k, (kinds.get(k) ?? 0) + 1);
  }
  console.log([...kinds].sort((a, b) => b[1] - a[1]).slice(0, 30));
  return { hash: world.trace.hash(), virtualSeconds: (world.clock.nowMs() - startMs) / 1_000 };
}

const t = performance.now();
console.log(await live(1), performance.now() - t);
