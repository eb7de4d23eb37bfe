import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

const mutations = (world: World, from: number) =>
  world.emulator.callLog.entries.slice(from).filter(call => call.mutating);

test('a dead room is deregistered at once though a call for its port waits for the budget', async () => {
  const world = await createWorld();
  // Enough to make five ports, and hardly any after that.
  world.startOperator({ 'aws-budget': 'documented', 'aws-mutate-rate': '20/0.01' });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30004 } });
  for (let room = 0; room < 5; room++) await world.room(`room-${room}`);
  await world.eventually(() => assertSettled(world), 120_000);
  await world.clock.advance(90_000);
  const edited = world.emulator.callLog.entries.length;
  await world.editPool('game', { healthCheck: { interval: '20s' } });
  await world.clock.advance(5_000);
  const reached = new Set(mutations(world, edited).map(({ parameters }) => parameters.TargetGroupArn));
  const waiting = (await world.ports()).filter(({ status }) => !reached.has(status?.targetGroupArn));
  assert.ok(waiting.length > 0, 'the edit has reached every port already');
  const port = waiting.at(-1)!;
  const endedMs = world.clock.nowMs();
  await world.removeRoom(port.spec.claim!.name);
  const deregistered = await world.eventually(() => {
    const call = world.emulator.callLog.entries.find(
      ({ action, parameters }) =>
        action === 'DeregisterTargets' && parameters.TargetGroupArn === port.status?.targetGroupArn,
    );
    assert.ok(call, 'not deregistered');
    return call;
  }, 10_000);
  assert.ok(deregistered.atMs - endedMs < 2_000, `${deregistered.atMs - endedMs} ms`);
  await world.end();
});

test('50 rooms on warm ports are bound within 1.15 x 7.5 s of the documented buckets', async () => {
  const world = await createWorld({ profile: 'throttled', set: { 'health-checks': 'off', 'data-plane': 'off' } });
  world.startOperator();
  await world.pool('game', { ...quick, warm: 50 });
  await world.eventually(async () => {
    const ports = await world.ports();
    assert.equal(ports.filter(({ status }) => status?.phase === 'Available').length, 50);
  }, 300_000);
  await world.clock.advance(60_000);
  const [before, startMs] = [world.emulator.callLog.entries.length, world.clock.nowMs()];
  for (let room = 0; room < 50; room++) await world.room(`room-${room}`);
  await world.eventually(() => {
    const done = mutations(world, before).filter(({ error }) => error === null);
    assert.equal(done.length, 50);
  }, 60_000);
  const calls = mutations(world, before);
  const lastMs = calls.at(-1)!.atMs - startMs;
  assert.ok(lastMs <= 1.15 * 7_500, `${lastMs} ms`);
  assert.deepEqual(
    calls.filter(({ action, error }) => action !== 'RegisterTargets' || error !== null),
    [],
  );
  await world.end();
});

test('50 cold rooms are served within 1.15 x 43.3 s of the documented buckets, the first long before the last', async () => {
  const world = await createWorld({ profile: 'throttled', set: { 'health-checks': 'off', 'data-plane': 'off' } });
  world.startOperator();
  await world.pool('game', quick);
  await world.eventually(async () => assert.equal((await world.ports()).length, 50));
  await world.clock.advance(60_000);
  const [before, startMs] = [world.emulator.callLog.entries.length, world.clock.nowMs()];
  for (let room = 0; room < 50; room++) await world.room(`room-${room}`);
  const registrations = () => mutations(world, before).filter(({ action }) => action === 'RegisterTargets');
  await world.eventually(() => assert.equal(registrations().length, 50), 120_000);
  const times = registrations().map(({ atMs }) => atMs - startMs);
  assert.ok(times.at(-1)! <= 1.15 * 43_300, `${times.at(-1)} ms`);
  assert.ok(times[0]! < 5_000, `the first room waited ${times[0]} ms`);
  const { calls, throttled } = world.emulator.callLog.counts();
  assert.ok(throttled < calls / 100, `${throttled} of ${calls} throttled`);
  await world.end();
});
