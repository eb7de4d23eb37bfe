import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld } from './world.ts';

const rooms = 8;

test("AWS's own delays and late reads cost no room more than its four changes, and nobody an alarm", async () => {
  // Without buckets: the onlooker's calls would draw on them too.
  const world = await createWorld({ profile: 'realistic', set: { throttling: 'off' } });
  await world.clock.advance(400_000);
  world.startOperator();
  const promises = await watchPromises(world);
  await world.pool('game', { ports: { min: 30000, max: 30009 }, release: { on: 'Ended', quarantine: '60s' } });
  await world.eventually(async () => assert.equal((await world.ports()).length, 10));
  world.emulator.callLog.reset();
  for (let room = 0; room < rooms; room++) await world.room(`room-${room}`);
  await world.eventually(async () => {
    await assertSettled(world);
    for (const { spec, status } of await world.ports()) {
      const healthy = status?.conditions?.find(({ type }) => type === 'Healthy')?.status;
      if (spec.claim) assert.equal(healthy, 'True');
    }
  }, 900_000);
  for (const action of ['CreateTargetGroup', 'ModifyTargetGroupAttributes', 'CreateListener', 'RegisterTargets']) {
    assert.equal(world.emulator.callLog.count(action), rooms, action);
  }
  for (let room = 0; room < rooms; room++) await world.removeRoom(`room-${room}`);
  await world.eventually(async () => {
    for (const { status } of await world.ports()) assert.equal(status?.phase, 'Cold');
    await assertSettled(world, []);
  }, 900_000);
  for (const { metadata } of await world.ports()) {
    const warnings = (await world.eventsOf('NLBPort', metadata.name)).filter(({ type }) => type === 'Warning');
    assert.deepEqual(
      warnings.map(({ note }) => note),
      [],
    );
  }
  assert.deepEqual(promises.broken, []);
  await world.end();
});
