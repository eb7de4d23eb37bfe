import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyCondition } from '../api/names.ts';
import { pods } from '../kube/resource.ts';
import type { Call } from '../sandbox/elbv2/call-log.ts';
import { assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

/** Short waits, so that a whole life fits into a minute: the default quarantine is five. */
const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

async function running(options: WorldOptions = {}, pool: Record<string, unknown> = {}): Promise<World> {
  const world = await createWorld(options);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 }, ...pool });
  return world;
}

async function endpointOf(world: World, name: string): Promise<string> {
  const endpoint = world.endpointOf(await world.pod(name));
  assert.ok(endpoint, `${name} has no endpoint`);
  return endpoint;
}

async function readyOf(world: World, name: string, namespace?: string) {
  const pod = await world.pod(name, namespace);
  return pod.status?.conditions?.find(({ type }) => type === readyCondition);
}

/** What AWS was asked to change, from a point of its log on. */
function changes(world: World, from = 0): Call[] {
  return world.emulator.callLog.entries.slice(from).filter(call => call.mutating);
}

const actions = (calls: readonly Call[]) => calls.map(({ action }) => action);

const numberOf = (endpoint: string) => Number(endpoint.split(':')[1]);

test('three rooms made together get their ports in the order of their names', async () => {
  const world = await running();
  for (const name of ['room-c', 'room-a', 'room-b']) await world.room(name);
  await world.eventually(() => assertSettled(world));
  const numbers = await Promise.all(
    ['room-a', 'room-b', 'room-c'].map(async name => numberOf(await endpointOf(world, name))),
  );
  assert.deepEqual(numbers, [30000, 30001, 30002]);
  for (const name of ['room-a', 'room-b', 'room-c']) {
    assert.equal(await world.ask(await endpointOf(world, name)), name);
  }
  await world.end();
});

test('a cold bind changes AWS four times, a cold release three times, and a room at rest never', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.status, 'True'));
  assert.deepEqual(actions(changes(world)).slice(1), [
    'CreateTargetGroup',
    'ModifyTargetGroupAttributes',
    'CreateListener',
    'RegisterTargets',
  ]);
  const bound = world.emulator.callLog.entries.length;
  await world.clock.advance(600_000);
  assert.deepEqual(changes(world, bound), []);
  const polls = world.emulator.callLog.entries.slice(bound).filter(call => call.action === 'DescribeTargetHealth');
  assert.ok(polls.length <= 1, 'once healthy, the audit alone looks at the health, every ten minutes');
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 60_000);
  assert.deepEqual(actions(changes(world, bound)), ['DeregisterTargets', 'DeleteListener', 'DeleteTargetGroup']);
  await assertSettled(world, []);
  await world.end();
});

test('a warm bind changes AWS once, and a release of a port that stays warm once', async () => {
  const world = await running({}, { warm: 3 });
  await world.eventually(async () => {
    for (const port of await world.ports()) assert.equal(port.status?.phase, 'Available');
    assert.equal((await world.ports()).length, 3);
  });
  const before = world.emulator.callLog.entries.length;
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.status, 'True'));
  assert.deepEqual(actions(changes(world, before)), ['RegisterTargets']);
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Available'), 60_000);
  assert.deepEqual(actions(changes(world, before)), ['RegisterTargets', 'DeregisterTargets']);
  await world.end();
});

test('a changed pod address is followed: the old one is deregistered, then the new one registered', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1', { ip: '10.0.9.1' });
  await world.eventually(() => assertSettled(world));
  const endpoint = await endpointOf(world, 'room-1');
  const before = world.emulator.callLog.entries.length;
  await world.setIP('room-1', '10.0.9.2');
  await world.eventually(async () => {
    await assertSettled(world);
    assert.equal((await readyOf(world, 'room-1'))?.status, 'True');
  });
  assert.deepEqual(
    changes(world, before).map(({ action, parameters }) => `${action} ${parameters.Targets}`),
    ['DeregisterTargets 10.0.9.1:7777', 'RegisterTargets 10.0.9.2:7777'],
  );
  assert.equal(await endpointOf(world, 'room-1'), endpoint);
  assert.equal(await world.ask(endpoint), 'room-1');
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a released port rests for its quarantine and is given to another only afterwards', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30000 } });
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  await world.room('room-2');
  const releasedMs = world.clock.nowMs();
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Quarantined'));
  const { reuseAfter = '' } = (await world.port(30000)).status ?? {};
  assert.ok(Date.parse(reuseAfter) >= releasedMs + 10_000, reuseAfter);
  await world.eventually(() => assertSettled(world), 60_000);
  assert.ok(world.clock.nowMs() >= Date.parse(reuseAfter));
  assert.equal(await world.ask(await endpointOf(world, 'room-2')), 'room-2');
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('the quarantine counts from the end of draining, not from the release', async () => {
  const world = await running({}, { targets: { deregistrationDelay: '40s' } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const releasedMs = world.clock.nowMs();
  await world.removeRoom('room-1');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Quarantined'), 120_000);
  const { reuseAfter = '' } = (await world.port(30000)).status ?? {};
  assert.ok(Date.parse(reuseAfter) >= releasedMs + 50_000, reuseAfter);
  await world.end();
});

test('a room that has ended gives its port back though its pod still exists', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  await world.setPhase('room-1', 'Succeeded');
  await world.eventually(async () => {
    assert.ok((await world.port(30000)).spec.claim?.releasedAt);
    assert.equal(world.endpointOf(await world.pod('room-1')), undefined);
    assert.equal((await readyOf(world, 'room-1'))?.reason, 'Released');
  });
  await world.eventually(async () => assert.equal((await world.port(30000)).spec.claim, undefined), 60_000);
  await world.end();
});

test('a room keeps its port through its grace period, unless the pool releases on Terminating', async () => {
  const world = await running();
  await world.pool('eager', {
    ...quick,
    ports: { min: 31000, max: 31000 },
    release: { on: 'Terminating', quarantine: '10s' },
  });
  const spec = { nodeName: 'node-1', terminationGracePeriodSeconds: 1800 } as object;
  await world.room('patient', { spec });
  await world.room('eager', { pool: 'eager', spec });
  await world.eventually(() => assertSettled(world));
  await world.removeRoom('patient');
  await world.removeRoom('eager');
  await world.clock.advance(60_000);
  assert.ok((await world.pod('patient')).metadata.deletionTimestamp);
  assert.equal((await world.port(30000)).spec.claim?.releasedAt, undefined);
  assert.ok(await endpointOf(world, 'patient'));
  assert.equal((await world.port(31000)).spec.claim, undefined);
  assert.equal(world.endpointOf(await world.pod('eager')), undefined);
  await world.end();
});

test('taking the label off gives the port back and withdraws what was published', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const body = { metadata: { labels: { 'nlbports.dev/pool': null } } };
  await world.kube.patch(pods, { namespace: 'default', name: 'room-1' }, { type: 'merge', body });
  await world.eventually(async () => {
    const pod = await world.pod('room-1');
    assert.deepEqual(
      Object.keys(pod.metadata.annotations ?? {}).filter(name => name !== 'nlbports.dev/ports'),
      [],
    );
    assert.equal((await readyOf(world, 'room-1'))?.reason, 'Released');
    assert.ok((await world.port(30000)).spec.claim?.releasedAt);
  });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 60_000);
  await assertSettled(world, []);
  await world.end();
});

test('a room that waits is served as it asks now, though nothing else happens', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30000 } });
  await world.pool('other', { ...quick, ports: { min: 31000, max: 31001 } });
  await world.room('room-1');
  await world.room('room-2');
  await world.room('room-3', { pool: 'other', ports: 'a=7777/UDP,b=7778/UDP,c=7779/UDP' });
  await world.clock.advance(120_000);
  assert.equal((await readyOf(world, 'room-2'))?.reason, 'PoolFull');
  assert.equal((await readyOf(world, 'room-3'))?.reason, 'PoolFull');
  const edit = (name: string, metadata: object) =>
    world.kube.patch(pods, { name, namespace: 'default' }, { type: 'merge', body: { metadata } });
  await edit('room-3', { annotations: { 'nlbports.dev/ports': 'a=7777/UDP' } });
  await world.eventually(async () => assert.equal(numberOf(await endpointOf(world, 'room-3')), 31000));
  await edit('room-2', { labels: { 'nlbports.dev/pool': 'other' } });
  await world.eventually(async () => assert.equal(numberOf(await endpointOf(world, 'room-2')), 31001));
  await world.end();
});

test('another pool on the label moves the room to a port of that pool', async () => {
  const world = await running();
  await world.pool('other', { ...quick, ports: { min: 31000, max: 31001 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const body = { metadata: { labels: { 'nlbports.dev/pool': 'other' } } };
  await world.kube.patch(pods, { namespace: 'default', name: 'room-1' }, { type: 'merge', body });
  await world.eventually(async () => {
    assert.equal(numberOf(await endpointOf(world, 'room-1')), 31000);
    await assertSettled(world);
  });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 60_000);
  await world.end();
});

test('a room made again under its name is another room: the old port is released, a new one bound', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1', { ip: '10.0.9.1' });
  await world.eventually(() => assertSettled(world));
  await world.removeRoom('room-1');
  await world.room('room-1', { ip: '10.0.9.2' });
  await world.eventually(() => assertSettled(world));
  assert.equal(numberOf(await endpointOf(world, 'room-1')), 30001);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('the target port of a bound room follows its annotation, its name does not', async () => {
  const world = await running();
  const annotate = (text: string) =>
    world.kube.patch(
      pods,
      { namespace: 'default', name: 'room-1' },
      { type: 'merge', body: { metadata: { annotations: { 'nlbports.dev/ports': text } } } },
    );
  await world.room('room-1', { ports: 'game=7777/UDP' });
  await world.eventually(() => assertSettled(world));
  await annotate('game=7778/UDP');
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.target?.split(':')[1], '7778'));
  await annotate('voice=7779/UDP');
  await world.eventually(async () => {
    const reasons = (await world.eventsOf('Pod', 'room-1')).map(({ reason }) => reason);
    assert.ok(reasons.includes('WishFrozen'), reasons.join());
  });
  assert.equal((await world.port(30000)).status?.target?.split(':')[1], '7778');
  assert.ok(await endpointOf(world, 'room-1'));
  await world.end();
});

test('phases tell the life of a port in order', async () => {
  const world = await running();
  const seen: string[] = [];
  await world.eventually(async () => assert.equal((await world.ports()).length, 3));
  await world.room('room-1');
  const look = async () => {
    const phase = (await world.port(30000)).status?.phase ?? '';
    if (seen.at(-1) !== phase) seen.push(phase);
  };
  for (let step = 0; step < 100; step++) {
    await world.clock.advance(20);
    await look();
  }
  await world.removeRoom('room-1');
  for (let step = 0; step < 1_500; step++) {
    await world.clock.advance(20);
    await look();
  }
  assert.deepEqual(seen, ['Cold', 'Bound', 'Releasing', 'Quarantined', 'Cold']);
  await world.end();
});

test('Events tell of a change of state once, and never of a retry', async () => {
  const world = await running();
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.status, 'True'));
  await world.clock.advance(300_000);
  const reasons = (await world.eventsOf('Pod', 'room-1')).map(({ reason }) => reason);
  assert.deepEqual(reasons.toSorted(), [...new Set(reasons)].toSorted());
  assert.ok(reasons.includes('Healthy'), reasons.join());
  await world.end();
});
