import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../runtime/random.ts';
import { assertSettled } from './assert-settled.ts';
import type { WireOptions } from './wires.ts';
import { createWorld } from './world.ts';

/** More of them by hand: NLBPORTS_SEEDS=4,5,6. */
const seeds = (process.env.NLBPORTS_SEEDS ?? '17,19').split(',').map(Number);

for (const seed of seeds) {
  test(`two operators with late answers of AWS leave no published endpoint without its listener (seed ${seed})`, async () => {
    const world = await createWorld({ seed, loadBalancers: ['game-1', 'game-2'] });
    const random = seededRandom(seed);
    const late: WireOptions = {
      watchMs: [1, 60],
      fault: ({ side }) =>
        side === 'aws' && random.next() < 0.2 ? { answersLateMs: random.next() * 1_500 } : undefined,
    };
    world.startOperator({}, late);
    world.startOperator({}, late);
    await world.pool('game', {
      ports: { min: 30000, max: 30005 },
      targets: { deregistrationDelay: '0s' },
      release: { on: 'Ended', quarantine: '0s' },
    });
    await world.eventually(async () => assert.equal((await world.ports()).length, 12));
    for (let room = 0; room < 40; room++) {
      await world.room(`room-${room}`);
      if (room >= 12) await world.removeRoom(`room-${room - 12}`);
      await world.clock.advance(random.next() * 400);
    }
    await world.eventually(() => assertSettled(world), 120_000);
    for (const pod of await world.pods()) {
      const endpoint = world.endpointOf(pod);
      assert.ok(endpoint);
      assert.equal(await world.ask(endpoint), pod.metadata.name);
    }
    await world.end();
  });
}
