import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readyCondition } from '../api/names.ts';
import { nlbPortPools } from '../api/pool.ts';
import { nlbPorts } from '../api/port.ts';
import { isNotFound } from '../kube/kube-error.ts';
import { namespaces } from '../kube/resource.ts';
import { assertAwsMatches, assertSettled } from './assert-settled.ts';
import { watchPromises } from './watch-promises.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

async function running(options: WorldOptions = {}, pool: Record<string, unknown> = {}): Promise<World> {
  const world = await createWorld(options);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 }, ...pool });
  return world;
}

const readyOf = async (world: World, name: string) =>
  (await world.pod(name)).status?.conditions?.find(({ type }) => type === readyCondition);
const poolOf = (world: World, name = 'game') => world.kube.get(nlbPortPools, { name });
const conditionOf = async (world: World, type: string, name = 'game') =>
  (await poolOf(world, name)).status?.conditions?.find(condition => condition.type === type);
const numbersOf = async (world: World) => (await world.ports()).map(({ spec }) => spec.port);
const numberOf = async (world: World, name: string) =>
  Number(world.endpointOf(await world.pod(name))?.split(':')[1] ?? Number.NaN);

/** Makes a listener that is not ours, with a target group of its own. */
async function someoneElses(world: World, port: number, loadBalancer = 0): Promise<string> {
  const group = await world.aws('CreateTargetGroup', {
    Name: `theirs-${port}`,
    Protocol: 'UDP',
    Port: 1,
    VpcId: 'vpc-1',
    TargetType: 'ip',
    HealthCheckProtocol: 'TCP',
  });
  const listener = await world.aws('CreateListener', {
    LoadBalancerArn: world.loadBalancers[loadBalancer]!.arn,
    Protocol: 'UDP',
    Port: port,
    DefaultActions: [{ Type: 'forward', TargetGroupArn: group.text('TargetGroupArn')! }],
  });
  return listener.text('ListenerArn')!;
}

test('NLBPorts are made up front, one per usable port, named after load balancer and number', async () => {
  const world = await running({ loadBalancers: ['game-1', 'game-2'] });
  await world.eventually(async () => {
    const names = (await world.ports()).map(({ metadata }) => metadata.name);
    assert.equal(names.length, 6);
    for (const name of names) assert.match(name, /^nlb-[0-9a-f]{16}-3000[0-2]$/);
    assert.equal((await conditionOf(world, 'Ready'))?.status, 'True');
  });
  await world.end();
});

test('a pool has no more ports on a load balancer than AWS leaves room for, the lowest ones', async () => {
  const world = await createWorld();
  await someoneElses(world, 443);
  await someoneElses(world, 30001);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30099 } });
  await world.eventually(async () => {
    const { loadBalancers } = (await poolOf(world)).status ?? {};
    assert.equal(loadBalancers?.[0]?.capacity, 48);
    const numbers = await numbersOf(world);
    assert.equal(numbers.length, 49);
    assert.equal(Math.max(...numbers), 30048);
    assert.equal((await world.port(30001)).status?.phase, 'Conflict');
  });
  await world.end();
});

test('a full pool lets claims wait with PoolFull and what would help, and serves the oldest first', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30000 } });
  await world.room('room-0');
  await world.eventually(() => assertSettled(world));
  for (const name of ['z-first', 'm-second', 'a-third']) {
    await world.room(name);
    await world.clock.advance(2_000);
  }
  await world.eventually(async () => {
    for (const name of ['z-first', 'm-second', 'a-third']) {
      const ready = await readyOf(world, name);
      assert.equal(ready?.reason, 'PoolFull');
      assert.match(ready?.message ?? '', /^NLBP-1011: /);
      const [event, ...more] = (await world.eventsOf('Pod', name)).filter(({ reason }) => reason === 'PoolFull');
      assert.equal(event?.type, 'Warning');
      assert.deepEqual(more, []);
    }
    assert.match((await conditionOf(world, 'CapacityAvailable'))?.message ?? '', /add a load balancer: 3 claims wait/);
    assert.equal((await poolOf(world)).status?.waiting, 3);
  });
  assert.match((await readyOf(world, 'a-third'))?.message ?? '', /add a load balancer: 3 claims wait/);
  for (const [ended, next] of [
    ['room-0', 'z-first'],
    ['z-first', 'm-second'],
    ['m-second', 'a-third'],
  ] as const) {
    await world.removeRoom(ended);
    await world.eventually(() => assertSettled(world, [next]), 60_000);
  }
  await world.eventually(async () => assert.equal((await conditionOf(world, 'CapacityAvailable'))?.status, 'True'));
  await world.end();
});

test('the message of a claim that waits counts those that wait now', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30000 } });
  await world.room('room-0');
  await world.room('room-1');
  await world.eventually(async () => assert.match((await readyOf(world, 'room-1'))?.message ?? '', /: 1 claim waits$/));
  await world.room('room-2');
  await world.room('room-3');
  await world.eventually(async () => assert.match((await readyOf(world, 'room-3'))?.message ?? '', /: 3 claims wait$/));
  await world.end();
});

test('a load balancer that is added serves the claims that wait', async () => {
  const world = await running({ loadBalancers: ['game-1', 'game-2'] }, { ports: { min: 30000, max: 30000 } });
  const [first, second] = world.loadBalancers;
  await world.editPool('game', { loadBalancers: [{ arn: first!.arn }] });
  await world.room('room-0');
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.reason, 'PoolFull'));
  await world.editPool('game', { loadBalancers: [{ arn: first!.arn }, { arn: second!.arn }] });
  await world.eventually(() => assertSettled(world));
  await world.end();
});

test('load balancers are found by tags, and a new one is taken up', async () => {
  const world = await createWorld({ loadBalancers: [] });
  await world.addLoadBalancer('tagged-1', { Tags: [{ Key: 'team', Value: 'game' }] });
  world.startOperator();
  await world.pool('game', {
    ...quick,
    loadBalancers: [{ tags: { team: 'game' } }],
    ports: { min: 30000, max: 30000 },
  });
  await world.room('room-0');
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-0']));
  await world.addLoadBalancer('tagged-2', { Tags: [{ Key: 'team', Value: 'game' }] });
  await world.eventually(() => assertSettled(world), 120_000);
  await world.end();
});

test('a load balancer leaves a pool only when two complete listings lack it, and its live rooms stay', async () => {
  const world = await createWorld({ loadBalancers: [] });
  const tags = [{ Key: 'team', Value: 'game' }];
  const [first, second] = [
    await world.addLoadBalancer('tagged-1', { Tags: tags }),
    await world.addLoadBalancer('tagged-2', { Tags: tags }),
  ];
  world.startOperator();
  const promises = await watchPromises(world);
  await world.pool('game', {
    ...quick,
    loadBalancers: [{ tags: { team: 'game' } }],
    ports: { min: 30000, max: 30000 },
  });
  await world.room('room-a');
  await world.room('room-b');
  await world.eventually(() => assertSettled(world));
  await world.aws('RemoveTags', { ResourceArns: [second.arn], TagKeys: ['team'] });
  const listings = () => world.emulator.callLog.count('DescribeLoadBalancers');
  const isRetired = async () => (await world.port(30000, 1)).spec.retire === true;
  const before = listings();
  await world.eventually(() => assert.equal(listings(), before + 1), 120_000);
  await world.clock.advance(5_000);
  assert.equal(await isRetired(), false, 'absent once');
  await world.eventually(() => assert.equal(listings(), before + 2), 120_000);
  await world.clock.advance(5_000);
  assert.equal(await isRetired(), true, 'absent twice');
  await assertSettled(world);
  assert.deepEqual(promises.broken, []);
  await world.removeRoom('room-b');
  await world.eventually(async () => {
    const arns = (await world.ports()).map(({ spec }) => spec.loadBalancer.arn);
    assert.deepEqual(arns, [first.arn]);
    await assertSettled(world, ['room-a']);
  }, 60_000);
  await world.end();
});

test("a pool's status is written at most once a second, whatever happens in it", async () => {
  const world = await running({}, { ports: { min: 30000, max: 30029 }, warm: 5 });
  for (let room = 0; room < 35; room++) {
    await world.room(`room-${room}`);
    await world.clock.advance(130);
  }
  for (let room = 0; room < 35; room += 3) await world.removeRoom(`room-${room}`);
  await world.clock.advance(30_000);
  const atMs = world.trace.lines
    .filter(line => /PUT .*nlbportpools\/game\/status.* -> 200$/.test(line))
    .map(line => Number.parseFloat(line));
  const gaps = atMs.slice(1).map((ms, at) => ms - atMs[at]!);
  assert.ok(atMs.length > 5);
  assert.ok(Math.min(...gaps) >= 900, `${Math.min(...gaps)} ms between two`);
  await world.end();
});

test("a listener of someone else is shown as Conflict, left alone, and its port is nobody's", async () => {
  const world = await createWorld();
  const theirs = await someoneElses(world, 30000);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  assert.equal(await numberOf(world, 'room-1'), 30001);
  const port = await world.port(30000);
  assert.equal(port.status?.phase, 'Conflict');
  assert.deepEqual((await poolOf(world)).status?.loadBalancers?.[0]?.foreignPorts, [30000]);
  await world.eventually(async () => assert.equal((await poolOf(world)).status?.ports?.conflict, 1));
  await world.aws('DescribeListeners', { ListenerArns: [theirs] });
  await world.end();
});

test('a claim that meets a listener of someone else moves to another port, and comes no second time', async () => {
  const world = await running({}, { release: { on: 'Ended', quarantine: '0s' } });
  const promises = await watchPromises(world);
  await world.eventually(async () => assert.equal((await numbersOf(world)).length, 3));
  // Long after the port was made, so that nothing about it is new, and just after a listing.
  await world.clock.advance(600_000);
  await world.eventually(() => {
    const last = world.emulator.callLog.entries.at(-1);
    assert.ok(last?.action === 'DescribeListeners' && world.clock.nowMs() - last.atMs < 2_000);
  }, 120_000);
  await someoneElses(world, 30000);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  assert.equal(await numberOf(world, 'room-1'), 30001);
  await world.room('room-2');
  await world.eventually(() => assertSettled(world));
  assert.equal(await numberOf(world, 'room-2'), 30002, 'the port of someone else is not tried again at once');
  const refusals = world.emulator.callLog.count('CreateListener', 'DuplicateListener');
  assert.equal(refusals, 1);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a port whose foreign listener is gone is free again by itself', async () => {
  const world = await running({}, { release: { on: 'Ended', quarantine: '0s' } });
  await world.clock.advance(600_000);
  await world.eventually(() => {
    const last = world.emulator.callLog.entries.at(-1);
    assert.ok(last?.action === 'DescribeListeners' && world.clock.nowMs() - last.atMs < 2_000);
  }, 120_000);
  const theirs = await someoneElses(world, 30000);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  assert.equal((await world.port(30000)).status?.phase, 'Conflict');
  // Gone before any listing has shown it.
  await world.aws('DeleteListener', { ListenerArn: theirs });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 300_000);
  await world.end();
});

test('a port whose foreign listener a listing has shown is free again when a listing shows it gone', async () => {
  const world = await createWorld();
  const theirs = await someoneElses(world, 30000);
  world.startOperator();
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 } });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Conflict'));
  await world.aws('DeleteListener', { ListenerArn: theirs });
  await world.eventually(async () => assert.equal((await world.port(30000)).status?.phase, 'Cold'), 200_000);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  assert.equal(await numberOf(world, 'room-1'), 30000);
  await world.end();
});

test('of two pools that overlap on a load balancer the later one has the rest, and says so', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30002 } });
  await world.clock.advance(2_000);
  await world.pool('later', { ...quick, ports: { min: 30001, max: 30004 } });
  await world.eventually(async () => {
    const ports = await world.ports();
    assert.deepEqual(
      ports.map(({ spec }) => `${spec.port} ${spec.pool}`),
      ['30000 game', '30001 game', '30002 game', '30003 later', '30004 later'],
    );
    const ready = await conditionOf(world, 'Ready', 'later');
    assert.equal(ready?.reason, 'PoolOverlap');
    assert.match(ready?.message ?? '', /^NLBP-2003: /);
    assert.equal((await conditionOf(world, 'Ready', 'game'))?.status, 'True');
  });
  const warnings = (await world.eventsOf('NLBPortPool', 'later')).filter(({ reason }) => reason === 'PoolOverlap');
  assert.equal(warnings.length, 1);
  await world.end();
});

test('two overlapping pools made at the same moment share out the ports the same way', async () => {
  const world = await createWorld();
  world.startOperator();
  await world.pool('b', { ...quick, ports: { min: 30000, max: 30002 } });
  await world.pool('a', { ...quick, ports: { min: 30001, max: 30004 } });
  await world.eventually(async () => {
    assert.deepEqual(
      (await world.ports()).map(({ spec }) => `${spec.port} ${spec.pool}`),
      ['30000 b', '30001 a', '30002 a', '30003 a', '30004 a'],
    );
    assert.equal((await conditionOf(world, 'Ready', 'b'))?.reason, 'PoolOverlap');
  });
  await world.end();
});

test('warm ports are made ready, replaced when they are bound, and given up when fewer are wanted', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30009 }, warm: 3 });
  const phasesOf = async () => (await world.ports()).map(({ status }) => status?.phase);
  const count = async (phase: string) => (await phasesOf()).filter(found => found === phase).length;
  await world.eventually(async () => assert.equal(await count('Available'), 3));
  await world.room('room-1');
  await world.room('room-2');
  await world.eventually(async () => {
    assert.equal(await count('Available'), 3);
    assert.equal(await count('Bound'), 2);
    await assertSettled(world);
  });
  await world.removeRoom('room-1');
  await world.removeRoom('room-2');
  await world.eventually(async () => {
    assert.equal(await count('Available'), 3);
    assert.equal(await count('Cold'), 7);
    await assertSettled(world);
  }, 60_000);
  await world.editPool('game', { warm: 1 });
  await world.eventually(async () => {
    assert.equal(await count('Available'), 1);
    assert.equal(await count('Cold'), 9);
    // A port is called Cold from when its resources begin to go.
    assert.equal((await world.ports()).filter(({ status }) => status?.targetGroupArn).length, 1);
    await assertSettled(world);
  });
  const before = world.emulator.callLog.counts().mutating;
  await world.clock.advance(600_000);
  assert.equal(world.emulator.callLog.counts().mutating, before, 'nothing happens, nothing is changed');
  await world.end();
});

test('a shrunk pool retires ports as their claimants end, and bound rooms lose nothing meanwhile', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  for (const name of ['room-a', 'room-b', 'room-c']) await world.room(name);
  await world.eventually(() => assertSettled(world));
  await world.editPool('game', { ports: { min: 30000, max: 30000 } });
  await world.clock.advance(200_000);
  await assertSettled(world);
  assert.equal((await world.port(30002)).spec.retire, true);
  assert.equal(await world.ask(`${world.loadBalancers[0]!.dnsName}:30002`), 'room-c');
  await world.removeRoom('room-c');
  await world.eventually(async () => assert.deepEqual(await numbersOf(world), [30000, 30001]), 60_000);
  await assertSettled(world, ['room-a', 'room-b']);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a load balancer taken out of a pool keeps its live rooms, with their endpoints, until they end', async () => {
  const world = await running({ loadBalancers: ['game-1', 'game-2'] }, { ports: { min: 30000, max: 30000 } });
  const promises = await watchPromises(world);
  await world.room('room-a');
  await world.room('room-b');
  await world.eventually(() => assertSettled(world));
  await world.editPool('game', { loadBalancers: [{ arn: world.loadBalancers[0]!.arn }] });
  await world.clock.advance(300_000);
  assert.deepEqual(promises.broken, []);
  await assertSettled(world);
  await world.setIP('room-b', '10.0.9.9');
  await world.eventually(() => assertSettled(world));
  await world.removeRoom('room-b');
  await world.eventually(async () => assert.equal((await numbersOf(world)).length, 1), 60_000);
  await assertSettled(world, ['room-a']);
  await world.end();
});

test("an edit of a pool's health check reaches bound ports without their endpoints being withdrawn", async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.status, 'True'));
  const before = world.emulator.callLog.entries.length;
  await world.editPool('game', { healthCheck: { interval: '20s' }, targets: { deregistrationDelay: '7s' } });
  await world.clock.advance(30_000);
  const calls = world.emulator.callLog.entries.slice(before).filter(({ mutating }) => mutating);
  assert.deepEqual(
    calls.map(({ action }) => action),
    ['ModifyTargetGroup', 'ModifyTargetGroupAttributes'],
  );
  assert.deepEqual(promises.broken, []);
  assert.equal((await readyOf(world, 'room-1'))?.status, 'True');
  await world.end();
});

test('an edit that AWS took without an answer, and that is taken back, is taken back in AWS too', async () => {
  const world = await createWorld();
  let isLost = false;
  world.startOperator(
    {},
    { fault: ({ what }) => (isLost && what.includes('Action=ModifyTargetGroup') ? 'unanswered' : undefined) },
  );
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30000 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world, ['room-1']));
  const TargetGroupArn = (await world.port(30000)).status?.targetGroupArn ?? '';
  const inAws = async () => [
    (await world.aws('DescribeTargetGroups')).text('HealthCheckIntervalSeconds'),
    (await world.aws('DescribeTargetGroupAttributes', { TargetGroupArn })).body.includes('<Value>77</Value>'),
  ];
  const before = await inAws();
  for (const [part, edited] of [
    [{ healthCheck: { interval: '25s' } }, ['25', false]],
    [{ targets: { deregistrationDelay: '77s' } }, [before[0], true]],
  ] as const) {
    isLost = true;
    await world.editPool('game', part);
    await world.eventually(async () => assert.deepEqual(await inAws(), edited));
    await world.editPool('game', { healthCheck: { interval: '10s' }, targets: { deregistrationDelay: '0s' } });
    // A call that was sent for the edit has been sent again by then, or never will be.
    await world.clock.advance(5_000);
    isLost = false;
    await world.clock.advance(60_000);
    assert.deepEqual(await inAws(), before);
  }
  await world.end();
});

test('an edit of a pool that AWS refuses is told on the ports, and withdraws no endpoint', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(async () => assert.equal((await readyOf(world, 'room-1'))?.status, 'True'));
  world.awsFaults.set([{ kind: 'error', actions: ['ModifyTargetGroup'], code: 'AccessDenied', status: 403 }]);
  await world.editPool('game', { healthCheck: { interval: '20s' } });
  await world.eventually(async () => {
    const provisioned = (await world.port(30000)).status?.conditions?.find(({ type }) => type === 'Provisioned');
    assert.equal(provisioned?.reason, 'AwsAccessDenied');
  });
  await world.clock.advance(60_000);
  assert.deepEqual(promises.broken, []);
  assert.equal((await readyOf(world, 'room-1'))?.status, 'True');
  await world.end();
});

test('a pool that is deleted waits for its rooms, says who holds it, and keeps their endpoints', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  await world.kube.delete(nlbPortPools, { name: 'game' });
  await world.eventually(async () => {
    assert.deepEqual(await numbersOf(world), [30000]);
    const ready = await conditionOf(world, 'Ready');
    assert.equal(ready?.reason, 'Deleting');
    assert.match(ready?.message ?? '', /default\/room-1/);
  });
  await world.clock.advance(120_000);
  assert.deepEqual(promises.broken, []);
  await assertSettled(world);
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-1'))!), 'room-1');
  await world.removeRoom('room-1');
  await world.eventually(async () => {
    assert.deepEqual(await world.ports(), []);
    await assert.rejects(poolOf(world), isNotFound);
    await assertAwsMatches(world, []);
  }, 60_000);
  await world.end();
});

test('an NLBPort that someone deletes while it is bound lives on until its room ends, with its AWS resources', async () => {
  const world = await running({}, { ports: { min: 30000, max: 30000 } });
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  const { name } = (await world.port(30000)).metadata;
  await world.kube.delete(nlbPorts, { name });
  await world.clock.advance(60_000);
  await assertSettled(world);
  await world.removeRoom('room-1');
  await world.room('room-2');
  await world.eventually(() => assertSettled(world, ['room-2']), 120_000);
  assert.equal((await world.port(30000)).metadata.deletionTimestamp, undefined);
  await world.end();
});

test('a failed listing releases nothing and retires nothing', async () => {
  const world = await running();
  const promises = await watchPromises(world);
  await world.room('room-1');
  await world.eventually(() => assertSettled(world));
  world.awsFaults.set([{ kind: 'error', actions: ['DescribeLoadBalancers', 'DescribeListeners'] }]);
  await world.clock.advance(300_000);
  assert.equal((await conditionOf(world, 'Ready'))?.reason, 'AwsServerError');
  await assertSettled(world);
  for (const port of await world.ports()) assert.ok(!port.spec.retire);
  world.awsFaults.set([]);
  await world.eventually(async () => assert.equal((await conditionOf(world, 'Ready'))?.status, 'True'), 60_000);
  assert.deepEqual(promises.broken, []);
  await world.end();
});

test('a pool is not let go by a new leader whose watch of NLBPorts is behind', async () => {
  const world = await createWorld();
  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  const options = { 'leader-elect': 'true', 'lease-duration': '6s' };
  const former = world.startOperator(options);
  await world.clock.advance(5_000);
  world.startOperator(options, { watchMs: path => (path.includes('/nlbports?') ? [60_000, 60_000] : [1, 20]) });
  await world.clock.advance(90_000);
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30001 }, warm: 2 });
  await world.clock.advance(10_000);
  former.kill();
  await world.kube.delete(nlbPortPools, { name: 'game' });
  await world.eventually(async () => assert.deepEqual(await world.ports(), []), 300_000);
  await assertAwsMatches(world, []);
  await world.end();
});

test('a claim moves on from a load balancer whose last listener somebody else has taken', async () => {
  const world = await createWorld({ loadBalancers: ['one', 'two'], set: { 'listeners-per-load-balancer': '3' } });
  world.startOperator();
  const [one, two] = world.loadBalancers.map(({ arn }) => ({ arn }));
  await world.pool('game', { ...quick, loadBalancers: [one, two], ports: { min: 31000, max: 31002 } });
  await world.clock.advance(60_000);
  for (const port of [1, 2, 3]) await someoneElses(world, port);
  await world.room('room');
  await world.eventually(async () => assert.ok(world.endpointOf(await world.pod('room'))), 60_000);
  await world.eventually(() => assertSettled(world), 60_000);
  await world.end();
});
