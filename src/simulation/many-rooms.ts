import assert from 'node:assert/strict';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type World } from './world.ts';

export interface ManyRoomsResult {
  /** Of everything that changed the world, with its virtual times. */
  hash: string;
  virtualSeconds: number;
}

/** AWS allows 50 listeners on a load balancer. */
const portsPerLoadBalancer = 50;

/**
 * So many rooms are made, all move to another address, all answer, and all end: the whole operator on both simulators in
 * virtual time. Throws where a room is not served, does not answer with its own name, or leaves anything behind.
 */
export async function manyRooms(seed: number, rooms: number): Promise<ManyRoomsResult> {
  const count = Math.ceil(rooms / portsPerLoadBalancer);
  const world = await createWorld({
    seed,
    loadBalancers: Array.from({ length: count }, (_, at) => `game-${at + 1}`),
  });
  const startMs = world.clock.nowMs();
  world.startOperator();
  await world.pool('game', { targets: { deregistrationDelay: '5s' }, release: { quarantine: '30s' } });
  const names = Array.from({ length: rooms }, (_, at) => `room-${at + 1}`);
  for (const name of names) await world.room(name);
  await eventually(world, () => assertSettled(world));

  const endpoints = new Map((await world.pods()).map(pod => [pod.metadata.name, world.endpointOf(pod) ?? '']));
  assert.equal(new Set(endpoints.values()).size, rooms);
  for (const [at, name] of names.entries()) await world.setIP(name, `10.${20 + Math.floor(at / 250)}.0.${at % 250}`);
  await eventually(world, () => assertSettled(world));
  for (const name of names) assert.equal(await world.ask(endpoints.get(name) ?? ''), name);

  for (const name of names) await world.removeRoom(name);
  await eventually(world, async () => {
    assert.deepEqual([...new Set((await world.ports()).map(port => port.status?.phase))], ['Cold']);
    await assertSettled(world, []);
  });
  await world.end();
  return { hash: world.trace.hash(), virtualSeconds: (world.clock.nowMs() - startMs) / 1_000 };
}

/** As `world.eventually`, in long strides: to judge many rooms takes longer than to serve them for a second. */
async function eventually(world: World, check: () => Promise<void>): Promise<void> {
  const endMs = world.clock.nowMs() + 300_000;
  for (;;) {
    await world.clock.advance(15_000);
    try {
      return await check();
    } catch (error) {
      if (world.clock.nowMs() >= endMs) throw error;
    }
  }
}
