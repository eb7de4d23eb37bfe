import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nlbPortPools } from '../api/pool.ts';
import { namespaces, pods } from '../kube/resource.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type RoomOptions, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

async function running(pool: Record<string, unknown> = {}): Promise<World> {
  const world = await createWorld();
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30004 }, ...pool });
  return world;
}

async function addNamespaces(world: World, ...names: string[]): Promise<void> {
  for (const name of names) await world.kube.create(namespaces, { metadata: { name } });
}

const asksFor = (number: string): RoomOptions => ({ annotations: { 'nlbports.dev/static-port': number } });

/** The number of the pod's published endpoint, or the reason why there is none. */
async function outcome(world: World, name: string, namespace = 'default'): Promise<number | string | undefined> {
  const pod = await world.pod(name, namespace);
  const endpoint = world.endpointOf(pod);
  if (endpoint !== undefined) return Number(endpoint.split(':')[1]);
  return pod.status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready')?.reason;
}

async function becomes(world: World, name: string, wanted: number | string, namespace = 'default'): Promise<void> {
  await world.eventually(async () => assert.equal(await outcome(world, name, namespace), wanted), 60_000);
}

/** The Warning Events that the user sees on the pod: `QuotaExceeded NLBP-1017: Cannot ...`. */
async function warnings(world: World, name: string): Promise<string[]> {
  const events = await world.eventsOf('Pod', name);
  return events.filter(({ type }) => type === 'Warning').map(({ reason, note }) => `${reason} ${note}`);
}

async function warns(world: World, name: string, says: RegExp): Promise<void> {
  await world.eventually(async () => {
    const told = await warnings(world, name);
    assert.equal(told.filter(line => says.test(line)).length, 1, told.join('\n'));
  });
}

test('a namespace that the pool admits gets ports, another one is told AccessDenied', async () => {
  const world = await running({ access: { namespaces: ['games-*', 'lobby'] } });
  await addNamespaces(world, 'games-eu', 'lobby', 'lobby-2');
  await world.room('room-1', { namespace: 'games-eu' });
  await world.room('room-2', { namespace: 'lobby' });
  await world.room('room-3', { namespace: 'lobby-2' });
  await becomes(world, 'room-1', 30000, 'games-eu');
  await becomes(world, 'room-2', 30001, 'lobby');
  await becomes(world, 'room-3', 'AccessDenied', 'lobby-2');
  await warns(world, 'room-3', /^AccessDenied NLBP-1002: Cannot claim a port of pool "game": namespace "lobby-2"/);
  await world.editPool('game', { access: { namespaces: ['*'] } });
  await becomes(world, 'room-3', 30002, 'lobby-2');
  await world.end();
});

test('a namespace gets as many ports as its quota; what is over waits and holds up nobody of another', async () => {
  const world = await running({ access: { namespaces: ['*'], quotaPerNamespace: 2 } });
  await addNamespaces(world, 'greedy', 'modest');
  const promises = await watchPromises(world);
  for (const name of ['room-1', 'room-2', 'room-3', 'room-4']) await world.room(name, { namespace: 'greedy' });
  await world.room('room-5', { namespace: 'modest' });
  await becomes(world, 'room-1', 30000, 'greedy');
  await becomes(world, 'room-2', 30001, 'greedy');
  await becomes(world, 'room-3', 'QuotaExceeded', 'greedy');
  await becomes(world, 'room-4', 'QuotaExceeded', 'greedy');
  await becomes(world, 'room-5', 30002, 'modest');
  await warns(
    world,
    'room-3',
    /^QuotaExceeded NLBP-1017: Cannot give 1 port of pool "game" to namespace "greedy": it holds 2, at most 2 allowed$/,
  );
  await world.clock.advance(120_000);
  assert.equal((await warnings(world, 'room-3')).length, 1, 'one Event, not one per look');
  await world.eventually(async () => {
    const { status } = await world.kube.get(nlbPortPools, { name: 'game' });
    assert.equal(status?.waiting, 2);
    assert.equal(status?.conditions?.find(({ type }) => type === 'CapacityAvailable')?.status, 'True');
  });
  // At its release a port counts no more, though it still rests.
  await world.removeRoom('room-1', 'greedy');
  await becomes(world, 'room-3', 30003, 'greedy');
  assert.equal(await outcome(world, 'room-4', 'greedy'), 'QuotaExceeded');
  await world.editPool('game', { access: { quotaPerNamespace: 3 } });
  await world.eventually(async () => assert.equal(typeof (await outcome(world, 'room-4', 'greedy')), 'number'), 60_000);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a burst of pods never holds more ports than the quota, on any watch event', async () => {
  const world = await running({ access: { namespaces: ['*'], quotaPerNamespace: 3 } });
  for (let at = 0; at < 12; at++) await world.room(`room-${at}`);
  for (let step = 0; step < 100; step++) {
    await world.clock.advance(20);
    const held = (await world.ports()).filter(({ spec }) => spec.claim && !spec.claim.releasedAt);
    assert.ok(held.length <= 3, `${held.length} held`);
  }
  assert.equal((await world.ports()).filter(({ spec }) => spec.claim).length, 3);
  await world.end();
});

test('a pod that asks for a number gets it, beside others that get the lowest', async () => {
  const world = await running();
  await world.room('room-1');
  await world.room('room-2', asksFor('30003'));
  await world.room('room-3');
  await becomes(world, 'room-1', 30000);
  await becomes(world, 'room-2', 30003);
  await becomes(world, 'room-3', 30001);
  const endpoint = world.endpointOf(await world.pod('room-2'))!;
  await world.eventually(async () => assert.equal(await world.ask(endpoint), 'room-2'));
  await world.end();
});

test('a pod whose number another holds waits, is told who has it, blocks nobody, and gets it in the end', async () => {
  const world = await running();
  await world.room('room-1', asksFor('30000'));
  await becomes(world, 'room-1', 30000);
  await world.room('room-2', asksFor('30000'));
  await becomes(world, 'room-2', 'PortTaken');
  await world.room('room-3');
  await becomes(world, 'room-3', 30001);
  await warns(
    world,
    'room-2',
    /^PortTaken NLBP-1104: Cannot allocate port 30000 in pool "game": .*; default\/room-1 holds 30000$/,
  );
  await world.removeRoom('room-1');
  await world.clock.advance(5_000);
  assert.equal(await outcome(world, 'room-2'), 'PortTaken');
  assert.match(
    (await world.pod('room-2')).status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready')?.message ?? '',
    /30000 rests after default\/room-1$/,
  );
  // In the quarantine nobody gets it; after it the one who waits, and not a younger one that takes any.
  await world.room('room-4');
  await becomes(world, 'room-4', 30002);
  await becomes(world, 'room-2', 30000);
  assert.equal((await warnings(world, 'room-2')).length, 1);
  await world.end();
});

test('a full pool: who waits for a number and who waits for any are served in the order of their arrival', async () => {
  const world = await running({ ports: { min: 30000, max: 30001 } });
  await world.room('room-1');
  await world.room('room-2');
  await becomes(world, 'room-2', 30001);
  await world.room('room-3', asksFor('30001'));
  await world.clock.advance(2_000);
  await world.room('room-4');
  await becomes(world, 'room-3', 'PortTaken');
  await becomes(world, 'room-4', 'PoolFull');
  await world.removeRoom('room-2');
  await becomes(world, 'room-3', 30001);
  assert.equal(await outcome(world, 'room-4'), 'PoolFull');
  await world.removeRoom('room-1');
  await becomes(world, 'room-4', 30000);
  await world.end();
});

test('a reserved number goes to those alone who ask for it, and is not kept warm', async () => {
  const world = await running({ ports: { min: 30000, max: 30002 }, reservedPorts: [30000], warm: 3 });
  await world.eventually(async () => {
    const phases = (await world.ports()).map(({ status }) => status?.phase);
    assert.deepEqual(phases, ['Cold', 'Available', 'Available']);
  });
  for (const name of ['room-1', 'room-2', 'room-3']) await world.room(name);
  await becomes(world, 'room-1', 30001);
  await becomes(world, 'room-2', 30002);
  await becomes(world, 'room-3', 'PoolFull');
  await warns(world, 'room-3', /^PoolFull NLBP-1011: .*0 of 3 ports free \(1 reserved for claims that name them\)/);
  await world.room('room-4', asksFor('30000'));
  await becomes(world, 'room-4', 30000);
  assert.equal(await outcome(world, 'room-3'), 'PoolFull');
  await world.end();
});

test('a reserved number is there though the range is wider than a load balancer has room for', async () => {
  const world = await running({ ports: { min: 30000, max: 30099 }, reservedPorts: [30099] });
  await world.room('room-1', asksFor('30099'));
  await becomes(world, 'room-1', 30099);
  assert.equal((await world.ports()).length, 50);
  await world.end();
});

for (const [text, reason, says] of [
  ['30007', 'PortNotInRange', /NLBP-1103: Cannot claim port 30007 of pool "game": its ports are 30000 to 30004/],
  ['https', 'MalformedStaticPort', /NLBP-1016: .*"https": wanted a number such as 30007/],
  ['030001', 'MalformedStaticPort', /NLBP-1016/],
  ['', 'MalformedStaticPort', /NLBP-1016/],
  ['30001,30002', 'MalformedStaticPort', /NLBP-1016: .*each name and each number once/],
  ['voice=30001', 'MalformedStaticPort', /NLBP-1016: .*the name of a port of the pod, not "voice"/],
] as const) {
  test(`a pod with static-port "${text}" is told ${reason}, and others are served`, async () => {
    const world = await running();
    await world.room('room-1', asksFor(text));
    await world.room('room-2');
    await becomes(world, 'room-1', reason);
    await warns(world, 'room-1', says);
    await becomes(world, 'room-2', 30000);
    await world.end();
  });
}

test('a pod that asks for its number by name gets it', async () => {
  const world = await running();
  await world.room('room-1', { ports: 'game=7777/UDP', ...asksFor('game=30002') });
  await becomes(world, 'room-1', 30002);
  await world.end();
});

test('a number that is asked for after the bind moves no port, and is answered once', async () => {
  const world = await running();
  await world.room('room-1');
  await becomes(world, 'room-1', 30000);
  const annotations = { 'nlbports.dev/static-port': '30003' };
  await world.kube.patch(
    pods,
    { namespace: 'default', name: 'room-1' },
    { type: 'merge', body: { metadata: { annotations } } },
  );
  await warns(world, 'room-1', /^WishFrozen NLBP-1013: Cannot move port "default" to 30003/);
  await world.clock.advance(60_000);
  await world.setIP('room-1', '10.0.9.9');
  await world.clock.advance(60_000);
  assert.equal((await warnings(world, 'room-1')).length, 1);
  assert.equal(await outcome(world, 'room-1'), 30000);
  await world.end();
});
