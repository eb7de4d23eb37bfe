import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nlbPortPools } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import { namespaces } from '../kube/resource.ts';
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

test('what another operator has found of the load balancers is not taken back by a write that lost a race', async () => {
  const world = await createWorld({ loadBalancers: [] });
  const Tags = [{ Key: 'team', Value: 'game' }];
  await world.addLoadBalancer('first', { Tags });
  const options = { 'leader-elect': 'false', 'pool-resync': '40s' };
  world.startOperator(options);
  await world.pool('game', { loadBalancers: [{ tags: { team: 'game' } }], ports: { min: 30000, max: 30000 } });
  await world.clock.advance(20_000);
  let isSlow = false;
  const isStatus = (what: string) => what.startsWith('PUT') && what.includes('/nlbportpools/');
  world.startOperator(options, {
    fault: ({ what }) => (isSlow && isStatus(what) ? { arrivesLateMs: 5_000 } : undefined),
  });
  await world.clock.advance(17_000);
  const second = await world.addLoadBalancer('second', { Tags });
  isSlow = true;
  // One that waits changes the status, which the second operator knows by its listing of before.
  await world.room('room-1');
  await world.room('room-2');
  const isListed = async () => {
    const { status } = await world.kube.get(nlbPortPools, { name: 'game' });
    return status?.loadBalancers?.some(({ arn }) => arn === second.arn) === true;
  };
  await world.eventually(async () => assert.ok(await isListed()), 15_000);
  for (let at = 0; at < 150; at++) {
    await world.clock.advance(100);
    assert.ok(await isListed());
  }
  await world.eventually(() => assertSettled(world), 60_000);
  await world.end();
});

test('a new leader whose watch is behind registers nothing that the former one announced and took back', async () => {
  const world = await createWorld();
  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  const options = { 'leader-elect': 'true', 'lease-duration': '6s' };
  const isRegistration = (what: string) => what.startsWith('Action=RegisterTargets');
  const former = world.startOperator(options, {
    fault: ({ what }) => (isRegistration(what) ? { answersLateMs: 5_000 } : undefined),
  });
  await world.pool('game', {
    ports: { min: 30000, max: 30000 },
    targets: { deregistrationDelay: '0s' },
    release: { on: 'Ended', quarantine: '0s' },
  });
  await world.eventually(async () => assert.equal((await world.ports()).length, 1));
  world.startOperator(options, { watchMs: path => (path.includes('/nlbports?') ? [60_000, 60_000] : [1, 20]) });
  await world.clock.advance(90_000);
  await world.room('room-1');
  await world.clock.advance(7_000);
  assert.ok(world.endpointOf(await world.pod('room-1')));
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.claim, undefined));
  // The other one leads while its cache shows what was true a minute ago: the target is being registered.
  await world.clock.advance(46_000);
  former.kill();
  const before = world.trace.lines.length;
  await world.clock.advance(60_000);
  const calls = world.trace.lines.slice(before).filter(line => line.includes(' aws '));
  assert.ok(calls.length > 0, 'nobody leads');
  assert.deepEqual(
    calls.filter(line => line.includes('RegisterTargets')),
    [],
  );
  await world.end();
});

test('an expose of before the address was known, which arrives late, takes no target back', async () => {
  const world = await createWorld();
  await world.pool('game', { ports: { min: 30000, max: 30000 }, warm: 1 });
  let patches = 0;
  // The first patch of the port binds it, the second exposes it.
  const isPatch = (what: string) => what.startsWith('PATCH') && /\/nlbports\/[^/]+\?/.test(what);
  world.startOperator(
    {},
    { fault: ({ what }) => (isPatch(what) && ++patches === 2 ? { straysMs: 4_000 } : undefined) },
  );
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'));
  await world.room('room-1', { ip: null });
  await world.clock.advance(2_000);
  await world.setIP('room-1', '10.0.1.5');
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.targets?.length, 1), 1_500);
  const written: unknown[] = [];
  world.cluster.follow((collection, { current }) => {
    if (collection === 'nlbports.nlbports.dev') written.push((current.object as unknown as NLBPort).spec.targets);
  });
  await world.clock.advance(6_000);
  assert.ok(patches > 3);
  for (const targets of written) assert.deepEqual(targets, [{ ip: '10.0.1.5', port: 7777 }]);
  await world.end();
});

test('a deregistration whose process stands still meanwhile brings no target back onto a free port', async () => {
  const world = await createWorld();
  let isAsleep = false;
  const sleeper = world.startOperator(
    {},
    {
      fault({ what }) {
        if (!isAsleep && what.startsWith('Action=DeregisterTargets')) {
          isAsleep = true;
          world.clock.after(50, () => sleeper.clock.pause());
          return { answersLateMs: 100 };
        }
        return undefined;
      },
    },
  );
  await world.pool('game', {
    ports: { min: 30000, max: 30000 },
    targets: { deregistrationDelay: '0s' },
    release: { on: 'Ended', quarantine: '0s' },
    warm: 1,
  });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-1']));
  await world.removeRoom('room-1');
  await world.eventually(() => assert.ok(isAsleep));
  await world.clock.advance(100);
  world.startOperator();
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'), 60_000);
  sleeper.clock.resume();
  // It writes down what became of its call, and ends before it looks again.
  await world.clock.advance(20);
  sleeper.kill();
  await world.clock.advance(120_000);
  const { status } = await world.port(30000);
  assert.deepEqual([status?.phase, status?.targets], ['Available', []]);
  await world.end();
});

test('a quarantine that has begun is not begun anew by a process that knows of a shorter one', async () => {
  const world = await createWorld();
  await world.pool('game', {
    ports: { min: 30000, max: 30000 },
    targets: { deregistrationDelay: '0s' },
    release: { on: 'Ended', quarantine: '0s' },
    warm: 1,
  });
  let isReleased = false;
  let puts = Number.NEGATIVE_INFINITY;
  // This one hears of pools a minute late. What it finds in AWS is there first, and what it concludes from that comes last.
  world.startOperator(
    { 'leader-elect': 'false' },
    {
      watchMs: path => (path.includes('/nlbportpools?') ? [60_000, 60_000] : [1, 20]),
      fault({ what }) {
        if (/^PUT .*\/nlbportpools\//.test(what)) return { arrivesLateMs: 60_000 };
        if (isReleased && what.startsWith('Action=DescribeTargetHealth')) puts = 0;
        return /^PUT .*\/nlbports\//.test(what) && ++puts > 1 ? { arrivesLateMs: 500 } : undefined;
      },
    },
  );
  world.startOperator(
    { 'leader-elect': 'false' },
    { fault: ({ what }) => (what.startsWith('Action=DescribeTargetHealth') ? { answersLateMs: 100 } : undefined) },
  );
  await world.clock.advance(90_000);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-1']));
  await world.editPool('game', { release: { on: 'Ended', quarantine: '60s' } });
  isReleased = true;
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Quarantined'));
  await world.clock.advance(30_000);
  assert.equal((await world.port(30000)).status?.phase, 'Quarantined');
  await world.end();
});

test('a claim is removed from no object but the one that was judged, and then from the newest', async () => {
  const world = await createWorld();
  let isReleased = false;
  const isPatch = (what: string) => /^PATCH .*\/nlbports\//.test(what);
  world.startOperator(
    {},
    { fault: ({ what }) => (isReleased && isPatch(what) ? { arrivesLateMs: 1_000 } : undefined) },
  );
  await world.pool('game', {
    ports: { min: 30000, max: 30000 },
    targets: { deregistrationDelay: '0s' },
    release: { on: 'Ended', quarantine: '20s' },
    warm: 1,
  });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-1']));
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Quarantined'));
  isReleased = true;
  await world.clock.advance(Date.parse((await world.port(30000)).status?.reuseAfter ?? '') - world.clock.nowMs() + 500);
  const { metadata } = await world.port(30000);
  const seen = { type: 'merge', body: { metadata: { labels: { seen: 'yes' } } } } as const;
  await world.kube.patch(nlbPorts, { name: metadata.name }, seen);
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.claim, undefined), 10_000);
  const removals = world.trace.lines.filter(line => line.includes('"op":"remove","path":"/spec/claim"'));
  assert.deepEqual(
    removals.map(line => line.slice(-3)),
    ['422', '200'],
  );
  await world.end();
});
