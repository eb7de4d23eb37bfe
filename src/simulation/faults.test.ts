import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointAnnotation, poolLabel } from '../api/names.ts';
import { namespaces, pods } from '../kube/resource.ts';
import { seededRandom } from '../runtime/random.ts';
import { assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import type { IoFault, WireOptions } from './wires.ts';
import { createWorld, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '2s' } };

/** More of them by hand: NLBPORTS_SEEDS=4,5,6. */
const seeds = (process.env.NLBPORTS_SEEDS ?? '1,2').split(',').map(Number);

/** Rooms come, move, end and come again; the world must come to rest with each served. */
async function play(world: World): Promise<void> {
  const promises = await watchPromises(world);
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30001 }, warm: 1 });
  await world.room('room-a', { ip: '10.0.9.1' });
  await world.room('room-b', { ip: '10.0.9.2' });
  await world.clock.advance(2_000);
  await world.setIP('room-a', '10.0.9.3');
  await world.clock.advance(2_000);
  await world.removeRoom('room-b');
  await world.room('room-c', { ip: '10.0.9.4' });
  await world.clock.advance(6_000);
  await world.eventually(() => assertSettled(world, ['room-a', 'room-c']), 200_000);
  assert.deepEqual(promises.broken, []);
  await world.removeRoom('room-a');
  await world.removeRoom('room-c');
  await world.eventually(async () => {
    for (const { spec, status } of await world.ports()) {
      assert.equal(spec.claim, undefined);
      assert.equal(status?.phase, spec.warm ? 'Available' : 'Cold');
    }
    await assertSettled(world, []);
  }, 200_000);
  assert.deepEqual(promises.broken, []);
}

/** Plays with an operator that dies at its n-th request, and another that starts half a second later. */
async function dieAt(index: number, how: IoFault): Promise<{ requests: number; died: boolean }> {
  const world = await createWorld({ seed: 3 });
  let died = false;
  const { wires } = world.startOperator(
    {},
    {
      fault: io => (io.index === index ? how : undefined),
      onDeath() {
        if (died || index === 0) return;
        died = true;
        world.clock.after(500, () => world.startOperator());
      },
    },
  );
  try {
    await play(world);
  } catch (error) {
    throw new Error(`dying at request ${index} (${how}): ${(error as Error).message}`, { cause: error });
  }
  const result = { requests: wires.count, died };
  await world.end();
  return result;
}

test('a crash between any two requests leaves nothing behind that the next process does not mend', async () => {
  const { requests } = await dieAt(0, 'dies before');
  // All of them take minutes: a run has some, and another seed of the offset others.
  const stride = Number(process.env.NLBPORTS_CRASH_STRIDE ?? 9);
  const offset = Number(process.env.NLBPORTS_CRASH_OFFSET ?? 1);
  let runs = 0;
  for (let index = offset; index <= requests; index += stride) {
    const how = runs++ % 2 === 0 ? 'dies before' : 'dies after';
    const { died } = await dieAt(index, how);
    assert.ok(died);
  }
  assert.ok(runs > 5, `${runs} runs of ${requests} requests`);
});

for (const seed of seeds) {
  test(`lost requests and lost answers are mended (seed ${seed})`, async () => {
    const world = await createWorld({ seed });
    const random = seededRandom(seed);
    let struck = 0;
    const fault: WireOptions['fault'] = () => {
      if (world.clock.monotonicMs() > 12_000) return undefined;
      const drawn = random.next();
      if (drawn < 0.1) struck++;
      return drawn < 0.05 ? 'unsent' : drawn < 0.1 ? 'unanswered' : undefined;
    };
    world.startOperator({}, { fault });
    await play(world);
    assert.ok(struck > 5, `${struck} struck`);
    await world.end();
  });
}

for (const seed of seeds) {
  test(`two operators with slow watches and lost requests never break a promise (seed ${seed})`, async () => {
    const world = await createWorld({ seed });
    const random = seededRandom(seed + 1_000);
    const fault: WireOptions['fault'] = () => {
      if (world.clock.monotonicMs() > 12_000) return undefined;
      const drawn = random.next();
      return drawn < 0.03 ? 'unsent' : drawn < 0.06 ? 'unanswered' : undefined;
    };
    world.startOperator({}, { fault, watchMs: [1, 300] });
    world.startOperator({}, { fault, watchMs: [1, 300] });
    await play(world);
    await world.end();
  });
}

for (const how of ['unsent', 'unanswered'] as const) {
  /** A world with one served room, in which the next request that `matches` goes wrong. */
  const servedRoom = async (matches: (what: string) => boolean) => {
    const world = await createWorld();
    const rule = { armed: false, struck: 0 };
    world.startOperator(
      {},
      {
        fault(io) {
          if (!rule.armed || rule.struck > 0 || !matches(io.what)) return undefined;
          rule.struck++;
          return how;
        },
      },
    );
    await world.pool('game', { ...quick, ports: { min: 30000, max: 30000 } });
    await world.room('room-1', { ip: '10.0.9.1' });
    await world.eventually(() => assertSettled(world));
    await world.clock.advance(5_000);
    rule.armed = true;
    return { world, rule };
  };
  const isPortPatch = (what: string) => /^PATCH .*\/nlbports\//.test(what);

  test(`a release that is ${how} is made good`, async () => {
    const { world, rule } = await servedRoom(isPortPatch);
    await world.removeRoom('room-1');
    await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 60_000);
    assert.equal(rule.struck, 1);
    await assertSettled(world, []);
    await world.end();
  });

  test(`a change of address that is ${how} is made good`, async () => {
    const { world, rule } = await servedRoom(isPortPatch);
    await world.setIP('room-1', '10.0.9.2');
    await world.eventually(() => assertSettled(world));
    assert.equal(rule.struck, 1);
    await world.end();
  });

  test(`a withdrawal that is ${how} is made good though the pod has no label any more`, async () => {
    const { world, rule } = await servedRoom(what => /^PATCH .*\/pods\/room-1\/status/.test(what));
    const body = { metadata: { labels: { [poolLabel]: null } } };
    await world.kube.patch(pods, { namespace: 'default', name: 'room-1' }, { type: 'merge', body });
    await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 60_000);
    assert.equal(rule.struck, 1);
    assert.equal((await world.pod('room-1')).metadata.annotations?.[endpointAnnotation], undefined);
    await world.end();
  });
}

test('two operators that race on 100 rooms give each one port, and no port twice', async () => {
  const world = await createWorld({ seed: 5, loadBalancers: ['game-1', 'game-2'] });
  const promises = await watchPromises(world);
  world.startOperator();
  world.startOperator();
  await world.pool('game', quick);
  await world.eventually(async () => assert.equal((await world.ports()).length, 100));
  for (let room = 0; room < 100; room++) await world.room(`room-${room}`);
  await world.eventually(() => assertSettled(world), 120_000);
  assert.equal(new Set((await world.pods()).map(pod => world.endpointOf(pod))).size, 100);
  for (let room = 0; room < 100; room++) await world.removeRoom(`room-${room}`);
  await world.eventually(async () => {
    for (const port of await world.ports()) assert.equal(port.status?.phase, 'Cold');
    await assertSettled(world, []);
  }, 120_000);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a room whose pod ends while no operator runs gets its port back into the pool by the next one', async () => {
  const world = await createWorld();
  const first = world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30000 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  first.kill();
  await world.removeRoom('room-1');
  await world.clock.advance(60_000);
  assert.equal((await world.port(30000)).spec.claim?.releasedAt, undefined);
  world.startOperator();
  await world.eventually(async () => {
    assert.equal((await world.port(30000)).status?.phase, 'Cold');
    await assertSettled(world, []);
  }, 60_000);
  await world.end();
});

test('an operator that is killed six times in a burst of 30 rooms leaves no room unserved and nothing behind', async () => {
  const world = await createWorld({ seed: 11 });
  const promises = await watchPromises(world);
  let current = world.startOperator();
  await world.pool('game', quick);
  await world.clock.advance(1_000);
  for (let room = 0; room < 30; room++) await world.room(`room-${room}`);
  for (let kill = 0; kill < 6; kill++) {
    await world.clock.advance(150 + 37 * kill);
    current.kill();
    await world.clock.advance(100);
    current = world.startOperator();
  }
  await world.eventually(() => assertSettled(world), 120_000);
  for (let room = 0; room < 30; room += 2) await world.removeRoom(`room-${room}`);
  for (let kill = 0; kill < 6; kill++) {
    await world.clock.advance(120 + 37 * kill);
    current.kill();
    current = world.startOperator();
  }
  await world.eventually(async () => {
    await assertSettled(world);
    const held = (await world.ports()).filter(({ spec }) => spec.claim);
    assert.equal(held.length, 15);
  }, 120_000);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('ports of pods in namespaces that are no longer watched are left alone, and not asked after all the time', async () => {
  const world = await createWorld();
  const first = world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30000 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  await first.stop();
  const second = world.startOperator({ 'watch-namespaces': 'elsewhere' });
  await world.clock.advance(300_000);
  await assertSettled(world);
  assert.ok(second.wires.count < 100, `${second.wires.count} requests`);
  await world.end();
});

test('an operator that is told to stop gives the lead to the one that waits', async () => {
  const world = await createWorld();
  const elected = { 'leader-elect': 'true' };
  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  const first = world.startOperator(elected);
  await world.eventually(() => assert.ok(first.operator.isLeader()));
  const second = world.startOperator(elected);
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30001 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  assert.ok(!second.operator.isLeader());
  const stoppedMs = world.clock.nowMs();
  await first.stop();
  await world.eventually(() => assert.ok(second.operator.isLeader()));
  assert.ok(world.clock.nowMs() - stoppedMs < 2_000, `${world.clock.nowMs() - stoppedMs} ms`);
  await world.room('room-2');
  await world.eventually(() => assertSettled(world));
  second.kill();
  const third = world.startOperator(elected);
  const killedMs = world.clock.nowMs();
  await world.eventually(() => assert.ok(third.operator.isLeader()), 60_000);
  assert.ok(world.clock.nowMs() - killedMs < 15_000, `${world.clock.nowMs() - killedMs} ms`);
  await world.end();
});

test('a wall clock that is set to and fro costs no turn: ports, pools and the audit go on', async () => {
  const world = await createWorld();
  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  const { clock } = world.startOperator({
    'leader-elect': 'true',
    'lease-duration': '6s',
    'audit-interval': '1m',
    'pool-resync': '1m',
  });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30001 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-1']));
  await world.removeRoom('room-1');
  // Long enough for every loop to have a turn while it is in doubt whether the process leads.
  for (let jumps = 1; jumps <= 150; jumps++) {
    clock.setSkew((jumps % 2) * 6_000);
    await world.clock.advance(500);
  }
  await world.room('room-2');
  await world.eventually(() => assertSettled(world, ['room-2']), 60_000);
  const before = world.trace.lines.length;
  await world.clock.advance(150_000);
  const calls = world.trace.lines.slice(before);
  // The audit alone asks for all target groups, a pool alone for its load balancers.
  for (const action of ['DescribeTargetGroups', 'DescribeLoadBalancers']) {
    assert.ok(calls.filter(line => line.includes(`Action=${action}&`)).length >= 2, action);
  }
  await world.end();
});
