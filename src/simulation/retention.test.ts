import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolLabel } from '../api/names.ts';
import { pods as podResource } from '../kube/resource.ts';
import { sleep } from '../runtime/clock.ts';
import { assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type World } from './world.ts';

const keeping = (retain: string, more: object = {}) => ({
  targets: { deregistrationDelay: '0s' },
  release: { on: 'Ended', quarantine: '1m', retain },
  ...more,
});

const names = Array.from({ length: 20 }, (_, at) => `room-${at}`);

/** Endpoints of the rooms, in order, once each of them has one that answers with its name. */
async function endpoints(world: World, rooms: readonly string[] = names): Promise<string[]> {
  return world.eventually(async () => {
    await assertSettled(world, rooms);
    const found: string[] = [];
    for (const name of rooms) {
      const endpoint = world.endpointOf(await world.pod(name)) ?? '';
      assert.equal(await world.ask(endpoint), name);
      found.push(endpoint);
    }
    return found;
  }, 60_000);
}

/** Every moment at which AWS was asked to send new traffic of one port to two targets, by the calls that it answered. */
function doublyServed(world: World): string[] {
  const live = new Map<string, Set<string>>();
  const broken: string[] = [];
  let registrations = 0;
  for (const line of world.trace.lines) {
    const [, body = ''] = /^ *[0-9.]+ aws (\S+) -> 200$/.exec(line) ?? [];
    const call = new URLSearchParams(body);
    const group = call.get('TargetGroupArn') ?? '';
    const ids = [...call].flatMap(([name, value]) => (/^Targets\.member\.\d+\.Id$/.test(name) ? [value] : []));
    const targets = live.get(group) ?? new Set();
    live.set(group, targets);
    if (call.get('Action') === 'DeregisterTargets') for (const id of ids) targets.delete(id);
    if (call.get('Action') !== 'RegisterTargets') continue;
    registrations += 1;
    for (const id of ids) targets.add(id);
    if (targets.size > 1) broken.push(line);
  }
  assert.ok(registrations >= 2 * names.length, `${registrations} registrations`);
  return broken;
}

test('20 rooms that are made again under their names and new addresses keep their endpoints', async () => {
  const world = await createWorld();
  const promises = await watchPromises(world);
  world.startOperator();
  await world.pool('game', keeping('10m'));
  for (const name of names) await world.room(name);
  const before = await endpoints(world);
  for (const [at, name] of names.entries()) {
    await world.removeRoom(name);
    // Some come back before the release is written, some while they are drained, some long after.
    await world.clock.advance([0, 3, 150, 2_000, 70_000][at % 5]!);
    await world.room(name);
    await world.clock.advance(50);
  }
  assert.deepEqual(await endpoints(world), before);
  promises.stop();
  assert.deepEqual(doublyServed(world), []);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('rooms of a node that is lost come back on others, in any order, and strangers get none of their ports', async () => {
  const world = await createWorld();
  const promises = await watchPromises(world);
  world.startOperator();
  await world.pool('game', keeping('1h', { ports: { min: 30000, max: 30024 } }));
  for (const name of names) await world.room(name);
  const before = await endpoints(world);
  for (const name of names) await world.removeRoom(name);
  for (let at = 0; at < 5; at++) await world.room(`stranger-${at}`);
  await world.room('stranger-too-many');
  await world.clock.advance(600_000);
  const full = (await world.pod('stranger-too-many')).status?.conditions?.[0];
  assert.equal(full?.reason, 'PoolFull');
  assert.match(full?.message ?? '', /20 kept for the namesakes of claimants that are gone/);
  const phases = (await world.ports()).map(port => port.status?.phase);
  assert.equal(phases.filter(phase => phase === 'Reserved').length, 20);
  for (const name of names.toReversed()) await world.room(name);
  assert.deepEqual(await endpoints(world), before);
  promises.stop();
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a port is free for anyone when quarantine and retention are over, and not before', async () => {
  for (const [quarantine, retain, freeAfterMs] of [
    ['1m', '3m', 180_000],
    ['3m', '1m', 180_000],
  ] as const) {
    const world = await createWorld();
    world.startOperator();
    await world.pool('game', keeping(retain, { ports: { min: 30000, max: 30000 }, release: { quarantine, retain } }));
    await world.room('room-1');
    await endpoints(world, ['room-1']);
    await world.removeRoom('room-1');
    await world.room('other');
    await world.clock.advance(freeAfterMs - 5_000);
    assert.equal((await world.port(30000)).spec.claim?.name, 'room-1', `${quarantine} ${retain}`);
    await world.clock.advance(20_000);
    assert.equal((await world.port(30000)).spec.claim?.name, 'other', `${quarantine} ${retain}`);
    await world.room('room-1');
    await world.clock.advance(5_000);
    assert.equal(world.endpointOf(await world.pod('room-1')), undefined);
    await world.end();
  }
});

test('a namesake that comes after the retention, or where there is none, is a pod like any other', async () => {
  for (const retain of ['0s', '10s']) {
    const world = await createWorld();
    world.startOperator();
    await world.pool('game', keeping(retain));
    await world.room('room-1');
    const [before] = await endpoints(world, ['room-1']);
    await world.removeRoom('room-1');
    await world.clock.advance(retain === '0s' ? 500 : 15_000);
    await world.room('room-1');
    const [after] = await endpoints(world, ['room-1']);
    assert.notEqual(after, before, 'the port is still in quarantine');
    await world.end();
  }
});

test('retention and quarantine go on while no operator runs', async () => {
  const world = await createWorld();
  const first = world.startOperator();
  await world.pool('game', keeping('10m'));
  for (const name of names.slice(0, 4)) await world.room(name);
  const before = await endpoints(world, names.slice(0, 4));
  // One is released under the first operator; two are lost and one of them made anew while none runs.
  await world.removeRoom('room-0');
  await world.clock.advance(5_000);
  await first.stop();
  await world.removeRoom('room-1');
  await world.removeRoom('room-2');
  await world.room('room-1');
  await world.clock.advance(300_000);
  const second = world.startOperator();
  await world.clock.advance(5_000);
  await world.room('room-2');
  await world.room('room-0');
  assert.deepEqual(await endpoints(world, names.slice(0, 4)), before);

  // Its ten minutes end while none runs, too.
  await world.removeRoom('room-3');
  await world.clock.advance(5_000);
  await second.stop();
  await world.clock.advance(600_000);
  world.startOperator();
  await world.eventually(async () => assert.equal((await world.port(30003)).spec.claim, undefined));
  await world.end();
});

test('a registration of the old pod that comes late is undone at the end of the quarantine that the new one did not wait for', async () => {
  const world = await createWorld();
  world.startOperator({ 'audit-interval': '6h' });
  await world.pool('game', keeping('1h', { release: { quarantine: '5m', retain: '1h' } }));
  await world.room('room-1', { ip: '10.0.0.50' });
  await endpoints(world, ['room-1']);
  await world.removeRoom('room-1');
  await world.clock.advance(60_000);
  assert.equal((await world.port(30000)).status?.phase, 'Quarantined');
  await world.room('room-1', { ip: '10.0.0.51' });
  await world.clock.advance(30_000);
  const TargetGroupArn = (await world.port(30000)).status?.targetGroupArn ?? '';
  await world.aws('RegisterTargets', { TargetGroupArn, Targets: [{ Id: '10.0.0.50', Port: 7777 }] });
  await world.clock.advance(300_000);
  const group = await world.aws('DescribeTargetHealth', { TargetGroupArn });
  assert.deepEqual(group.texts('Id'), ['10.0.0.51']);
  await world.end();
});

test('two operators at once give 20 rooms their endpoints back', async () => {
  const world = await createWorld();
  const promises = await watchPromises(world);
  world.startOperator({}, { watchMs: [1, 400] });
  world.startOperator({}, { watchMs: [1, 400] });
  await world.pool('game', keeping('10m'));
  for (const name of names) await world.room(name);
  const before = await endpoints(world);
  for (const name of names) await world.removeRoom(name);
  await world.clock.advance(300);
  for (const name of names) await world.room(name);
  assert.deepEqual(await endpoints(world), before);
  promises.stop();
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('an operator that dies again and again loses no endpoint of rooms that come back', async () => {
  const world = await createWorld({ seed: 7 });
  const promises = await watchPromises(world);
  let deaths = 0;
  const start = (): void => {
    const diesAt = 5 + ((deaths * 7) % 23);
    world.startOperator(
      {},
      {
        fault: ({ index, mutating }) =>
          index >= diesAt && mutating && deaths < 30 ? (deaths % 2 ? 'dies after' : 'dies before') : undefined,
        onDeath() {
          deaths += 1;
          void sleep(world.clock, 1_000).then(start);
        },
      },
    );
  };
  await world.pool('game', keeping('1h'));
  const steady = world.startOperator();
  for (const name of names) await world.room(name);
  const before = await endpoints(world);
  await steady.stop();
  start();
  for (const name of names) {
    await world.removeRoom(name);
    await world.clock.advance(700);
    await world.room(name);
    await world.clock.advance(700);
  }
  assert.deepEqual(await endpoints(world), before);
  assert.equal(deaths, 30);
  promises.stop();
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a pod that has ended is waited for: retention counts from when its object is gone', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', keeping('2m'));
  await world.room('room-1');
  const before = await endpoints(world, ['room-1']);
  await world.setPhase('room-1', 'Failed');
  await world.clock.advance(1_800_000);
  const port = await world.port(30000);
  assert.equal(port.status?.phase, 'Reserved');
  assert.equal(port.spec.claim?.goneAt, undefined);
  await world.removeRoom('room-1');
  await world.clock.advance(110_000);
  assert.ok((await world.port(30000)).spec.claim?.goneAt);
  await world.room('room-1');
  assert.deepEqual(await endpoints(world, ['room-1']), before);
  await world.end();
});

test('a pod whose label is taken off has its port kept from then on, and gets it back with the label', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', keeping('2m'));
  await world.room('room-1');
  const before = await endpoints(world, ['room-1']);
  const label = (value: string | null) =>
    world.kube.patch(
      podResource,
      { namespace: 'default', name: 'room-1' },
      { type: 'merge', body: { metadata: { labels: { [poolLabel]: value } } } },
    );
  await label(null);
  await world.clock.advance(90_000);
  const { claim } = (await world.port(30000)).spec;
  assert.ok(claim?.goneAt !== undefined && claim.goneAt === claim.releasedAt);
  await label('game');
  assert.deepEqual(await endpoints(world, ['room-1']), before);
  await label(null);
  await world.clock.advance(130_000);
  assert.equal((await world.port(30000)).spec.claim, undefined);
  await world.end();
});

test('a pool that shrinks or keeps nothing any more lets go of what it kept', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', keeping('1h', { ports: { min: 30000, max: 30001 } }));
  for (const name of ['room-0', 'room-1']) await world.room(name);
  await endpoints(world, ['room-0', 'room-1']);
  for (const name of ['room-0', 'room-1']) await world.removeRoom(name);
  await world.clock.advance(120_000);
  assert.deepEqual(
    (await world.ports()).map(port => port.status?.phase),
    ['Reserved', 'Reserved'],
  );
  await world.editPool('game', { ports: { min: 30000, max: 30000 } });
  await world.eventually(async () => assert.equal((await world.ports()).length, 1));
  await world.editPool('game', { release: { retain: '0s' } });
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.claim, undefined));
  await world.end();
});
