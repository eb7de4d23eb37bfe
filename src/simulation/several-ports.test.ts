import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nlbPorts } from '../api/port.ts';
import { sleep } from '../runtime/clock.ts';
import { seededRandom } from '../runtime/random.ts';
import { committedBy, publishedBy, watchSets } from './watch-sets.ts';
import { createWorld, type World } from './world.ts';

const three = 'game=7777/UDP,voice=7778/UDP,query=7779/UDP';
const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '0s' } };

/** Judges that these pods have all of their ports, on one load balancer, and nobody has any besides. */
async function assertWhole(world: World, rooms: readonly string[], waiting: readonly string[] = []): Promise<void> {
  const [ports, pods] = [await world.ports(), await world.pods()];
  const byUid = Map.groupBy(
    ports.filter(({ spec }) => spec.claim && !spec.claim.releasedAt),
    port => port.spec.claim!.uid,
  );
  for (const name of rooms) {
    const pod = pods.find(({ metadata }) => metadata.name === name)!;
    const held = byUid.get(pod.metadata.uid!) ?? [];
    const count = name.startsWith('one') ? 1 : 3;
    assert.equal(held.length, count, `${name} holds ${held.length}`);
    assert.equal(new Set(held.map(port => port.spec.loadBalancer.arn)).size, 1, `${name} is on one load balancer`);
    assert.deepEqual(committedBy(pod).toSorted(), held.map(port => port.metadata.name).toSorted());
    const published = publishedBy(pod);
    assert.equal(published.length, count, `${name} publishes ${published.length}`);
    for (const { name: portName, port, targetPort } of published) {
      const nlbPort = held.find(({ spec }) => spec.port === port);
      assert.equal(nlbPort?.spec.claim?.portName, portName);
      assert.deepEqual(nlbPort?.spec.targets, [{ ip: pod.status?.podIP, port: targetPort }]);
    }
  }
  for (const name of waiting) {
    const pod = pods.find(({ metadata }) => metadata.name === name)!;
    assert.equal(byUid.get(pod.metadata.uid!), undefined, `${name} waits holding something`);
    assert.deepEqual([committedBy(pod), publishedBy(pod)], [[], []]);
    assert.equal(pod.status?.conditions?.[0]?.reason, 'PoolFull');
  }
  assert.equal(byUid.size, rooms.length);
}

const named = (prefix: string, count: number) => Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

test('40 pods with three ports each on three load balancers: each on one, whole, and no part is ever seen', async () => {
  const world = await createWorld({ loadBalancers: ['game-1', 'game-2', 'game-3'] });
  const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
  world.startOperator();
  await world.pool('game', quick);
  const rooms = named('room', 40);
  for (const name of rooms) await world.room(name, { ports: three });
  await world.eventually(() => assertWhole(world, rooms), 60_000);
  const [first] = publishedBy(await world.pod('room-0'));
  assert.equal(await world.ask(`${first!.host}:${first!.port}`), 'room-0');

  // 16 fit on each; then 2 are left on each, which is room for no more of them, and for six with a single port.
  const more = named('more', 8);
  for (const name of more) await world.room(name, { ports: three });
  await world.eventually(() => assertWhole(world, [...rooms, ...more]), 60_000);
  await world.room('late-0', { ports: three });
  await world.eventually(() => assertWhole(world, [...rooms, ...more], ['late-0']));
  const ones = named('one', 6);
  for (const name of ones) await world.room(name);
  await world.eventually(() => assertWhole(world, [...rooms, ...more, ...ones], ['late-0']), 10_000);
  const message = (await world.pod('late-0')).status?.conditions?.[0]?.message ?? '';
  assert.match(message, /at most 2 of 150 ports free on one load balancer, 3 needed/);

  await world.removeRoom('room-7');
  const others = rooms.filter(name => name !== 'room-7');
  await world.eventually(() => assertWhole(world, [...others, ...more, ...ones, 'late-0']), 60_000);
  sets.stop();
  assert.deepEqual(sets.broken, []);
  await world.end();
});

for (const seed of (process.env.NLBPORTS_SEEDS ?? '1,2').split(',').map(Number)) {
  test(`an operator that is killed at any moment leaves no set in part (seed ${seed})`, async () => {
    const world = await createWorld({ seed, loadBalancers: ['game-1', 'game-2'] });
    const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
    const random = seededRandom(seed);
    let deaths = 0;
    const start = (): void => {
      const diesAt = 3 + Math.floor(random.next() * 25);
      world.startOperator(
        {},
        {
          fault: ({ index, mutating, side }) =>
            deaths < 25 && index >= diesAt && mutating && side === 'kubernetes'
              ? random.next() < 0.5
                ? 'dies after'
                : 'dies before'
              : undefined,
          onDeath() {
            deaths += 1;
            void sleep(world.clock, 300).then(start);
          },
        },
      );
    };
    await world.pool('game', { ...quick, ports: { min: 30000, max: 30013 } });
    start();
    await world.eventually(async () => assert.equal((await world.ports()).length, 28));
    // Room for four on each load balancer, and for two with a single port.
    const [rooms, ones] = [named('room', 8), named('one', 4)];
    for (const name of rooms) {
      await world.room(name, { ports: three });
      await world.clock.advance(random.next() * 1_000);
    }
    // Pods of the same second are served by name: these come later.
    await world.clock.advance(1_000);
    await world.room('late-0', { ports: three });
    for (const name of ones) await world.room(name);
    await world.eventually(async () => {
      await assertWhole(world, [...rooms, ...ones], ['late-0']);
      assert.equal(deaths, 25);
    }, 120_000);
    sets.stop();
    assert.deepEqual(sets.broken, []);
    await world.end();
  });

  test(`two operators at once put no set together in halves, nor block each other for ever (seed ${seed})`, async () => {
    const world = await createWorld({ seed, loadBalancers: ['game-1', 'game-2'] });
    const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
    const random = seededRandom(seed);
    world.startOperator({}, { watchMs: [1, 300] });
    world.startOperator({}, { watchMs: [1, 300] });
    await world.pool('game', { ...quick, ports: { min: 30000, max: 30008 } });
    await world.eventually(async () => assert.equal((await world.ports()).length, 18));
    const rooms = named('room', 6);
    for (const name of rooms) {
      await world.room(name, { ports: three });
      await world.clock.advance(random.next() * 200);
    }
    await world.eventually(() => assertWhole(world, rooms), 60_000);
    for (let turn = 0; turn < 12; turn++) {
      const name = rooms.shift()!;
      await world.removeRoom(name);
      rooms.push(`next-${turn}`);
      await world.room(`next-${turn}`, { ports: three });
      await world.clock.advance(random.next() * 2_000);
    }
    await world.eventually(() => assertWhole(world, rooms), 60_000);
    sets.stop();
    assert.deepEqual(sets.broken, []);
    await world.end();
  });
}

test("a set of which one port is lost is withdrawn, and published again as a whole; the others' numbers stay", async () => {
  const world = await createWorld({ loadBalancers: ['game-1', 'game-2'] });
  const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
  world.startOperator();
  await world.pool('game', quick);
  await world.room('room-0', { ports: three });
  await world.eventually(() => assertWhole(world, ['room-0']));
  const before = publishedBy(await world.pod('room-0'));
  assert.deepEqual(
    before.map(({ port }) => port),
    [30000, 30001, 30002],
  );
  // A person gives the second one away by hand.
  const { name } = (await world.port(30001)).metadata;
  const released = { spec: { claim: { releasedAt: new Date(world.clock.nowMs()).toISOString() }, targets: [] } };
  await world.kube.patch(nlbPorts, { name }, { type: 'merge', body: released });
  await world.eventually(async () => {
    await assertWhole(world, ['room-0']);
    const after = publishedBy(await world.pod('room-0')).map(({ port }) => port);
    assert.deepEqual([after[0], after[2]], [30000, 30002]);
    assert.notEqual(after[1], 30001);
  });
  sets.stop();
  assert.deepEqual(sets.broken, []);
  await world.end();
});

test("a stranger's listener on one of the numbers moves that number alone, before anything is published", async () => {
  const world = await createWorld();
  const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
  await world.pool('game', quick);
  world.startOperator();
  await world.eventually(async () => assert.equal((await world.ports()).length, 50));
  const group = await world.aws('CreateTargetGroup', {
    Name: 'stranger',
    Protocol: 'UDP',
    Port: 1,
    VpcId: 'vpc-1',
    TargetType: 'ip',
  });
  await world.aws('CreateListener', {
    LoadBalancerArn: world.loadBalancers[0]!.arn,
    Protocol: 'UDP',
    Port: 30001,
    DefaultActions: [{ Type: 'forward', TargetGroupArn: group.text('TargetGroupArn') ?? '' }],
  });
  await world.room('room-0', { ports: three });
  await world.eventually(async () => {
    await assertWhole(world, ['room-0']);
    const after = publishedBy(await world.pod('room-0')).map(({ port }) => port);
    assert.deepEqual(after.toSorted(), [30000, 30002, 30003]);
  }, 60_000);
  sets.stop();
  assert.deepEqual(sets.broken, []);
  await world.end();
});

test('TCP and UDP on one number are one listener, published under both names', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', { ...quick, protocol: 'TCP_UDP' });
  await world.room('room-0', { ports: 'game=7777/UDP,login=7777/TCP,query=7779/TCP' });
  await world.eventually(async () => {
    const published = publishedBy(await world.pod('room-0'));
    assert.deepEqual(
      published.map(({ name, protocol, port, targetPort }) => [name, protocol, port, targetPort]),
      [
        ['game', 'UDP', 30000, 7777],
        ['login', 'TCP', 30000, 7777],
        ['query', 'TCP', 30001, 7779],
      ],
    );
  });
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-0')) ?? ''), 'room-0');
  await world.end();
});

test('rooms with three ports that are made again get all three back, where the pool retains them', async () => {
  const world = await createWorld({ loadBalancers: ['game-1', 'game-2'] });
  const sets = await watchSets({ transport: world.cluster.transport, clock: world.clock });
  world.startOperator();
  await world.pool('game', {
    ...quick,
    release: { quarantine: '1m', retain: '10m' },
    ports: { min: 30000, max: 30008 },
  });
  const rooms = named('room', 6);
  for (const name of rooms) await world.room(name, { ports: three });
  await world.eventually(() => assertWhole(world, rooms), 60_000);
  const endpoints = async () =>
    (await Promise.all(rooms.map(name => world.pod(name)))).map(pod =>
      publishedBy(pod).map(({ host, port }) => `${host}:${port}`),
    );
  const before = await endpoints();
  for (const name of rooms) await world.removeRoom(name);
  await world.clock.advance(20_000);
  for (const name of rooms.toReversed()) await world.room(name, { ports: three });
  await world.eventually(() => assertWhole(world, rooms), 60_000);
  assert.deepEqual(await endpoints(), before);
  sets.stop();
  assert.deepEqual(sets.broken, []);
  await world.end();
});

test('a pod that needs several ports is served in the end, though single ones go to others all the time', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30005 } });
  await world.eventually(async () => assert.equal((await world.ports()).length, 6));
  let made = 0;
  const rooms: string[] = [];
  const replaceOne = async () => {
    if (rooms.length >= 9) {
      const bound = new Set((await world.ports()).flatMap(({ spec }) => spec.claim?.name ?? []));
      const oldest = rooms.findIndex(name => bound.has(name));
      if (oldest >= 0) await world.removeRoom(rooms.splice(oldest, 1)[0]!);
    }
    rooms.push(`one-${made}`);
    await world.room(`one-${made++}`);
    await world.clock.advance(1_000);
  };
  // Six are served, three wait: whatever comes free is asked for at once.
  while (rooms.length < 9) await replaceOne();
  await world.room('room-0', { ports: three });
  let turns = 0;
  while (publishedBy(await world.pod('room-0')).length === 0) {
    assert.ok(turns++ < 200, 'starved');
    await replaceOne();
  }
  assert.ok(turns >= 50, `others were served before: ${turns}`);
  assert.equal(publishedBy(await world.pod('room-0')).length, 3);
  await world.end();
});
