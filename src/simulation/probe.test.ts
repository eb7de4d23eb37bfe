import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nlbPortPools } from '../api/pool.ts';
import { createWorld, type RoomOptions, type World, type WorldOptions } from './world.ts';

interface Setting {
  probe?: Record<string, unknown>;
  settle?: string;
  spec?: Record<string, unknown>;
  options?: WorldOptions;
}

async function running({ probe, settle = '0s', spec, options }: Setting = {}): Promise<World> {
  const world = await createWorld(options);
  world.startOperator();
  await world.pool('game', { readiness: { settle, probe: { send: 'who', expect: 'room-1', ...probe } }, ...spec });
  return world;
}

async function readyOf(world: World, name = 'room-1') {
  const pod = await world.pod(name);
  const ready = pod.status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  return { status: ready?.status, reason: ready?.reason, message: ready?.message ?? '' };
}

const becomes = (world: World, reason: string, limitMs = 30_000) =>
  world.eventually(async () => assert.equal((await readyOf(world)).reason, reason), limitMs);

const conditionOf = async (world: World, type: string, number = 30000) =>
  (await world.port(number)).status?.conditions?.find(condition => condition.type === type);

for (const protocol of ['UDP', 'TCP'] as const) {
  test(`over ${protocol} a pod is ready when its answer comes through the load balancer`, async () => {
    const world = await running({ spec: { protocol } });
    await world.room('room-1', { ports: `7777/${protocol}` } as RoomOptions);
    await becomes(world, 'Healthy');
    assert.equal((await conditionOf(world, 'Probed'))?.reason, 'Answered');
    await world.end();
  });
}

test('in a pool of TCP and UDP an answer by one is enough, unless the pool names the one', async () => {
  const world = await running({ spec: { protocol: 'TCP_UDP' } });
  const { bindUdp } = world.network;
  // A room that has no UDP socket.
  world.network.bindUdp = (at, heard) => bindUdp(at.port === 7777 ? { ...at, host: `${at.host}0` } : at, heard);
  await world.room('room-1', { ports: '7777/TCP' });
  await becomes(world, 'Healthy');
  await world.editPool('game', { readiness: { probe: { protocol: 'UDP', expect: 'room-2' } } });
  await world.room('room-2', { ports: '7777/TCP' });
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-2')).reason, 'ProbeUnanswered'));
  await world.end();
});

test('a probe that is open when its load balancer leaves the pool goes on when that comes back', async () => {
  const world = await running({ options: { loadBalancers: ['one', 'two'], set: { 'flow-delay': '120s' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeUnanswered');
  const all = world.loadBalancers.map(({ arn }) => ({ arn }));
  const [own] = (await world.ports()).filter(({ spec }) => spec.claim);
  await world.editPool('game', { loadBalancers: all.filter(({ arn }) => arn !== own?.spec.loadBalancer.arn) });
  await world.clock.advance(60_000);
  await world.editPool('game', { loadBalancers: all });
  await becomes(world, 'Healthy', 120_000);
  await world.end();
});

test('the gate stays shut while bytes do not pass, though AWS calls the target healthy, and opens when they do', async () => {
  const world = await running({ options: { set: { 'flow-delay': '40s' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeUnanswered');
  const healthyMs = world.clock.nowMs();
  assert.equal((await conditionOf(world, 'Healthy'))?.status, 'True');
  const { status, message } = await readyOf(world);
  assert.equal(status, 'False');
  const { address } = world.loadBalancers[0]!;
  assert.match(message, new RegExp(`^NLBP-3004: .*through ${address.replaceAll('.', '\\.')}:30000: nothing came back`));
  await world.clock.advance(30_000);
  assert.equal((await readyOf(world)).status, 'False');
  await becomes(world, 'Healthy', 45_000);
  assert.ok(world.clock.nowMs() - healthyMs > 35_000);
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-1')) ?? ''), 'room-1');
  await world.end();
});

test('an answer through one address is not enough: the zone that brings none is named', async () => {
  const world = await createWorld({ loadBalancers: [] });
  const { addresses } = await world.addLoadBalancer('wide', { Subnets: ['subnet-1', 'subnet-2', 'subnet-3'] });
  assert.equal(addresses.length, 3);
  world.network.silence(addresses[1]!);
  world.startOperator();
  await world.pool('game', { readiness: { settle: '0s', probe: { send: 'who', expect: 'room-1' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeUnanswered');
  assert.ok((await readyOf(world)).message.includes(`through ${addresses[1]}:30000`));
  world.network.unsilence(addresses[1]!);
  await becomes(world, 'Healthy', 40_000);
  await world.end();
});

test('a wrong answer keeps the gate shut, and the condition says it', async () => {
  const world = await running({ probe: { expect: 'pong' } });
  await world.room('room-1');
  await becomes(world, 'ProbeWrongAnswer');
  await world.clock.advance(120_000);
  const { status, message } = await readyOf(world);
  assert.equal(status, 'False');
  assert.match(message, /^NLBP-3005: .*it answered "room-1" to the probe, "pong" wanted$/);
  const events = (await world.eventsOf('Pod', 'room-1')).filter(({ reason }) => reason === 'ProbeWrongAnswer');
  assert.equal(events.length, 1);
  await world.editPool('game', { readiness: { probe: { expect: 'room' } } });
  await becomes(world, 'Healthy', 2_000);
  await world.end();
});

test('while it settles a pod without an answer is no failure, and an answer does not shorten it', async () => {
  const world = await running({ settle: '20s', options: { set: { 'flow-delay': '10s' } } });
  await world.room('room-1');
  await becomes(world, 'Settling');
  await world.clock.advance(15_000);
  assert.equal((await conditionOf(world, 'Probed'))?.status, 'True');
  assert.equal((await readyOf(world)).reason, 'Settling');
  await becomes(world, 'Healthy', 6_000);
  const reasons = (await world.eventsOf('Pod', 'room-1')).map(({ reason }) => reason);
  assert.ok(!reasons.some(reason => reason?.startsWith('Probe')), reasons.join());
  await world.end();
});

test('a pod that gets another address is ready only when that one has answered', async () => {
  const world = await running({ options: { set: { 'flow-delay': '40s' } } });
  await world.room('room-1');
  await becomes(world, 'Healthy', 120_000);
  await world.setIP('room-1', '10.0.9.9');
  await becomes(world, 'ProbeUnanswered');
  assert.equal((await conditionOf(world, 'Healthy'))?.status, 'True');
  await becomes(world, 'Healthy', 120_000);
  await world.end();
});

test('a pod that was ready before its pool had a probe stays so, and those who came after wait for it', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool();
  await world.room('room-1', { ip: '10.0.3.3' });
  await becomes(world, 'Healthy');
  await world.editPool('game', { readiness: { probe: { send: 'who', expect: 'nobody' } } });
  await world.clock.advance(60_000);
  assert.equal((await readyOf(world)).status, 'True');
  assert.equal(await conditionOf(world, 'Probed'), undefined);
  await world.room('room-2');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-2')).reason, 'ProbeWrongAnswer'));
  await world.editPool('game', { readiness: { probe: null } });
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-2')).status, 'True'), 5_000);
  await world.end();
});

test('a new operator takes probing up where the former one left it', async () => {
  const world = await createWorld({ set: { 'flow-delay': '60s' } });
  const first = world.startOperator();
  await world.pool('game', { readiness: { settle: '0s', probe: { send: 'who', expect: 'room-1' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeUnanswered');
  first.kill();
  world.startOperator();
  await becomes(world, 'Healthy', 120_000);
  await world.end();
});

test('an internal load balancer that keeps the address of clients is not probed: pool and pod are told', async () => {
  const world = await createWorld({ loadBalancers: [] });
  await world.addLoadBalancer('inside', { Scheme: 'internal' });
  world.startOperator();
  await world.pool('game', { readiness: { settle: '0s', probe: { send: 'who', expect: 'room-1' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeRefused');
  await world.clock.advance(30_000);
  assert.match((await readyOf(world)).message, /^NLBP-2008: .*internal/);
  const [pool] = (await world.kube.list(nlbPortPools)).items;
  const possible = pool?.status?.conditions?.find(({ type }) => type === 'ProbePossible');
  assert.deepEqual([possible?.status, possible?.reason], ['False', 'ProbeRefused']);
  assert.match(possible?.message ?? '', /^NLBP-2008: .*loadbalancer\/net\/inside/);
  await world.editPool('game', { readiness: { probe: null } });
  await becomes(world, 'Healthy');
  await world.end();
});

test('an internal load balancer that does not keep the address of clients is probed', async () => {
  const world = await createWorld({ loadBalancers: [] });
  await world.addLoadBalancer('inside', { Scheme: 'internal' });
  world.startOperator();
  const readiness = { settle: '0s', probe: { send: '77686f', expect: '726f6f6d', encoding: 'Hex' } };
  await world.pool('game', { protocol: 'TCP', readiness });
  await world.room('room-1', { ports: '7777/TCP' });
  await becomes(world, 'Healthy');
  assert.equal((await conditionOf(world, 'Probed'))?.status, 'True');
  await world.end();
});

test('a port that does not answer as expected is asked twice a minute at most', async () => {
  let sent = 0;
  const world = await createWorld();
  const { bindUdp } = world.network;
  world.network.bindUdp = (at, heard) => {
    // Each probe binds it, and the emulator once more, as it keeps the address of a client.
    if (at.host === '203.0.113.1') sent += 0.5;
    return bindUdp(at, heard);
  };
  world.startOperator();
  await world.pool('game', { readiness: { settle: '0s', probe: { send: 'who', expect: 'nobody' } } });
  await world.room('room-1');
  await becomes(world, 'ProbeWrongAnswer');
  await world.clock.advance(60_000);
  const before = sent;
  await world.clock.advance(300_000);
  assert.ok(sent - before <= 11, `${sent - before} probes`);
  assert.ok(sent > before);
  await world.end();
});
