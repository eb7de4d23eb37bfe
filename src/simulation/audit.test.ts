import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../api/conditions.ts';
import { nlbPorts } from '../api/port.ts';
import { pods } from '../kube/resource.ts';
import { assertSettled } from './assert-settled.ts';
import { createWorld, type OperatorProcess, type World } from './world.ts';

const quick = { targets: { deregistrationDelay: '0s' }, release: { on: 'Ended', quarantine: '10s' } };

/** A world with one room on 30000 and a warm port, where audits come often. */
async function playing(pool: Record<string, unknown> = {}): Promise<{ world: World; operator: OperatorProcess }> {
  const world = await createWorld();
  const operator = world.startOperator({ 'audit-interval': '10s' });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 }, warm: 2, ...pool });
  await world.eventually(async () => {
    assert.equal((await world.ports()).filter(({ status }) => status?.phase === 'Available').length, 2);
  });
  await world.room('room-1');
  await world.eventually(() => healthy(world));
  await world.eventually(async () => {
    assert.equal((await world.ports()).filter(({ status }) => status?.phase === 'Available').length, 2);
  });
  return { world, operator };
}

async function healthy(world: World): Promise<void> {
  await assertSettled(world);
  assert.equal((await readyOf(world)).reason, 'Healthy');
}

async function readyOf(world: World): Promise<{ reason: string; message: string }> {
  const ready = (await world.pod('room-1')).status?.conditions?.find(({ type }) => type === 'nlbports.dev/ready');
  return { reason: ready?.reason ?? '', message: ready?.message ?? '' };
}

/** That a finding is counted, when the audit that made it has ended, and an Event. */
async function assertFound(world: World, operator: OperatorProcess, kind: string, port: string): Promise<void> {
  await world.eventually(() => assertCounted(world, operator, kind, port), 10_000);
}

async function assertCounted(world: World, operator: OperatorProcess, kind: string, port: string): Promise<void> {
  const { values } = await operator.operator.metrics.registry.getSingleMetric('nlbports_audit_findings_total')!.get();
  assert.ok(
    values.some(({ labels, value }) => labels.kind === kind && value >= 1),
    `${kind} is not counted`,
  );
  const reasons = (await world.eventsOf('NLBPort', port)).map(({ reason }) => reason);
  assert.ok(reasons.includes(kind), `no Event ${kind} on ${port}: ${reasons.join()}`);
}

test('the audit makes a listener of a bound port again that was deleted by hand, at the same endpoint', async () => {
  const { world, operator } = await playing();
  const port = await world.port(30000);
  const endpoint = world.endpointOf(await world.pod('room-1'))!;
  await world.aws('DeleteListener', { ListenerArn: port.status?.listenerArn ?? '' });
  await assert.rejects(world.ask(endpoint));
  await world.eventually(async () => {
    assert.notEqual((await world.port(30000)).status?.listenerArn, port.status?.listenerArn);
    await healthy(world);
    assert.equal(await world.ask(endpoint), 'room-1');
  });
  assert.equal(world.endpointOf(await world.pod('room-1')), endpoint);
  await assertFound(world, operator, 'ListenerMissing', port.metadata.name);
  await world.end();
});

test('the audit makes a listener again for a room whose load balancer has left the pool', async () => {
  const world = await createWorld({ loadBalancers: ['game-1', 'game-2'] });
  world.startOperator({ 'audit-interval': '10s' });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30000 } });
  for (const name of ['room-1', 'room-2']) await world.room(name);
  await world.eventually(() => assertSettled(world));
  const left = world.loadBalancers[1]!.arn;
  await world.editPool('game', { loadBalancers: [{ arn: world.loadBalancers[0]!.arn }] });
  await world.clock.advance(60_000);
  const port = (await world.ports()).find(({ spec }) => spec.loadBalancer.arn === left)!;
  assert.equal(port.spec.retire, true);
  const endpoint = port.status?.endpoint ?? '';
  await world.aws('DeleteListener', { ListenerArn: port.status?.listenerArn ?? '' });
  await assert.rejects(world.ask(endpoint));
  await world.eventually(async () => assert.equal(await world.ask(endpoint), port.spec.claim?.name));
  await assertSettled(world);
  await world.end();
});

test('the audit makes the target group of a bound port again, and that of a warm one', async () => {
  const { world, operator } = await playing();
  const [bound, warm] = [await world.port(30000), await world.port(30001)];
  const endpoint = world.endpointOf(await world.pod('room-1'))!;
  for (const { status } of [bound, warm]) {
    await world.aws('DeleteListener', { ListenerArn: status?.listenerArn ?? '' });
    await world.aws('DeleteTargetGroup', { TargetGroupArn: status?.targetGroupArn ?? '' });
  }
  await world.eventually(async () => {
    assert.notEqual((await world.port(30000)).status?.targetGroupArn, bound.status?.targetGroupArn);
    assert.notEqual((await world.port(30001)).status?.targetGroupArn, warm.status?.targetGroupArn);
    await healthy(world);
    assert.equal(await world.ask(endpoint), 'room-1');
    assert.equal((await world.port(30001)).status?.phase, 'Available');
  });
  for (const { metadata } of [bound, warm]) await assertFound(world, operator, 'TargetGroupMissing', metadata.name);
  await world.end();
});

test('a port that is to go cold does so where its listener was deleted by hand just before', async () => {
  const { world } = await playing();
  const { listenerArn = '' } = (await world.port(30001)).status ?? {};
  await world.aws('DeleteListener', { ListenerArn: listenerArn });
  await world.editPool('game', { warm: 0 });
  await world.eventually(async () => {
    assert.equal((await world.port(30001)).status?.phase, 'Cold');
    await healthy(world);
  });
  await world.end();
});

test('the audit registers a target again that was deregistered by hand', async () => {
  const { world, operator } = await playing();
  const port = await world.port(30000);
  const endpoint = world.endpointOf(await world.pod('room-1'))!;
  const Targets = [{ Id: port.spec.targets![0]!.ip, Port: 7777 }];
  await world.aws('DeregisterTargets', { TargetGroupArn: port.status?.targetGroupArn ?? '', Targets });
  await assert.rejects(world.ask(endpoint));
  await world.eventually(async () => {
    assert.equal(await world.ask(endpoint), 'room-1');
    await healthy(world);
  });
  await assertFound(world, operator, 'TargetMissing', port.metadata.name);
  await world.end();
});

for (const number of [30000, 30001]) {
  test(`the audit takes a stranger out of the group of port ${number}, and leaves the room's target there`, async () => {
    const { world, operator } = await playing();
    const port = await world.port(number);
    const Targets = [{ Id: '10.9.9.9', Port: 7777 }];
    await world.aws('RegisterTargets', { TargetGroupArn: port.status?.targetGroupArn ?? '', Targets });
    await assert.rejects(assertSettled(world));
    await world.eventually(() => healthy(world));
    assert.equal(await world.ask(world.endpointOf(await world.pod('room-1'))!), 'room-1');
    await assertFound(world, operator, 'StrangerRegistered', port.metadata.name);
    await world.end();
  });
}

test('the audit writes attributes and health check again that were changed by hand', async () => {
  const { world, operator } = await playing();
  const port = await world.port(30000);
  const { targetGroupArn: TargetGroupArn = '' } = port.status ?? {};
  const key = 'load_balancing.cross_zone.enabled';
  const Attributes = [{ Key: key, Value: 'false' }];
  await world.aws('ModifyTargetGroupAttributes', { TargetGroupArn, Attributes });
  await world.aws('ModifyTargetGroup', { TargetGroupArn, HealthCheckIntervalSeconds: '300' });
  await world.eventually(async () => {
    const { body } = await world.aws('DescribeTargetGroupAttributes', { TargetGroupArn });
    assert.match(body, new RegExp(`<Key>${key}</Key>\\s*<Value>true</Value>|<Value>true</Value>\\s*<Key>${key}</Key>`));
    const groups = await world.aws('DescribeTargetGroups', { TargetGroupArns: [TargetGroupArn] });
    assert.equal(groups.text('HealthCheckIntervalSeconds'), '10');
    await healthy(world);
  });
  await assertFound(world, operator, 'AttributesChanged', port.metadata.name);
  await assertFound(world, operator, 'HealthCheckChanged', port.metadata.name);
  await world.end();
});

test('the audit points a listener at our group again that was pointed at another one', async () => {
  const { world, operator } = await playing();
  const [bound, warm] = [await world.port(30000), await world.port(30001)];
  const endpoint = world.endpointOf(await world.pod('room-1'))!;
  // A target group serves one load balancer, but any number of its listeners.
  await world.aws('ModifyListener', {
    ListenerArn: bound.status?.listenerArn ?? '',
    DefaultActions: [{ Type: 'forward', TargetGroupArn: warm.status?.targetGroupArn ?? '' }],
  });
  await assert.rejects(world.ask(endpoint));
  await world.eventually(async () => {
    assert.equal(await world.ask(endpoint), 'room-1');
    await healthy(world);
  });
  await assertFound(world, operator, 'ListenerChanged', bound.metadata.name);
  await world.end();
});

test('a room whose port somebody else has taken moves to another port, and the taker is left alone', async () => {
  const { world, operator } = await playing();
  const port = await world.port(30000);
  const { arn } = world.loadBalancers[0]!;
  const group = await world.aws('CreateTargetGroup', {
    Name: 'taker',
    Protocol: 'UDP',
    Port: '1',
    VpcId: 'vpc-1',
    TargetType: 'ip',
  });
  const forward = { Type: 'forward', TargetGroupArn: group.text('TargetGroupArn') ?? '' };
  await world.aws('DeleteListener', { ListenerArn: port.status?.listenerArn ?? '' });
  const taker = await world.aws('CreateListener', {
    LoadBalancerArn: arn,
    Port: '30000',
    Protocol: 'UDP',
    DefaultActions: [forward],
  });
  await world.eventually(async () => {
    assert.match(world.endpointOf(await world.pod('room-1')) ?? '', /:3000[12]$/);
    await healthy(world);
    const taken = await world.port(30000);
    assert.equal(taken.status?.phase, 'Conflict');
    assert.equal(findCondition(taken.status?.conditions, 'Provisioned')?.reason, 'ListenerConflict');
  }, 300_000);
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-1'))!), 'room-1');
  const listeners = await world.aws('DescribeListeners', { LoadBalancerArn: arn });
  assert.ok(listeners.texts('ListenerArn').includes(taker.text('ListenerArn') ?? ''));
  await assertFound(world, operator, 'PortTaken', port.metadata.name);
  await world.end();
});

test('a room whose load balancer was deleted is told so, and its port, and the audit says so once', async () => {
  const { world, operator } = await playing();
  const port = await world.port(30000);
  await world.aws('DeleteLoadBalancer', { LoadBalancerArn: world.loadBalancers[0]!.arn });
  await world.eventually(async () => {
    assert.equal((await readyOf(world)).reason, 'LoadBalancerNotFound');
    const provisioned = findCondition((await world.port(30000)).status?.conditions, 'Provisioned');
    assert.equal(provisioned?.reason, 'LoadBalancerNotFound');
  }, 300_000);
  await world.clock.advance(120_000);
  assert.equal((await readyOf(world)).reason, 'LoadBalancerNotFound');
  const events = (await world.eventsOf('NLBPortPool', 'game')).filter(({ reason }) => reason === 'LoadBalancerMissing');
  assert.equal(events.length, 1);
  assert.equal(events[0]?.series, undefined);
  const { values } = await operator.operator.metrics.registry.getSingleMetric('nlbports_audit_findings')!.get();
  assert.ok(values.some(({ labels, value }) => labels.kind === 'LoadBalancerMissing' && value === 1));
  assert.equal((await world.port(30000)).spec.claim?.uid, port.spec.claim?.uid);
  await world.end();
});

test('the audit looks at the health of a bound port again, long after it was healthy', async () => {
  const world = await createWorld();
  world.startOperator({ 'audit-interval': '10s' });
  await world.pool('game', { ...quick, ports: { min: 30000, max: 30002 } });
  await world.room('room-1', { ip: null });
  const ip = '10.0.3.3';
  const server = await world.network.listenTcp({ host: ip, port: 7777 }, connection => connection.end());
  const body = { status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] } };
  await world.kube.patch(
    pods,
    { name: 'room-1', namespace: 'default' },
    { type: 'merge', body },
    { subresource: 'status' },
  );
  await world.eventually(() => healthy(world));
  await world.clock.advance(600_000);
  await server.close();
  await world.eventually(async () => assert.equal((await readyOf(world)).reason, 'TargetUnhealthy'), 60_000);
  await world.network.listenTcp({ host: ip, port: 7777 }, connection => connection.end());
  // From now on the port's own looks, which get rarer with its age, and the audit's.
  await world.eventually(() => healthy(world), 60_000);
  await world.end();
});

/** Leaves a listener and a target group of a port that the pool no longer has, as nobody would on purpose. */
async function leaveOrphan(world: World, number: number): Promise<{ name: string; targetGroupArn: string }> {
  const port = await world.port(number);
  const { name } = port.metadata;
  const finalizers: string[] = [];
  await world.kube.patch(nlbPorts, { name }, { type: 'merge', body: { metadata: { finalizers } } });
  await world.kube.delete(nlbPorts, { name });
  return { name, targetGroupArn: port.status?.targetGroupArn ?? '' };
}

/** A world whose operator is gone, with two ports in AWS that the pool no longer wants, and no NLBPorts of them. */
async function orphaned(): Promise<{ world: World; left: string[] }> {
  const { world, operator } = await playing();
  operator.kill();
  await world.editPool('game', { ports: { min: 30000, max: 30000 }, warm: 0 });
  const left = [await leaveOrphan(world, 30001), await leaveOrphan(world, 30002)];
  return { world, left: left.map(({ targetGroupArn }) => targetGroupArn) };
}

async function groups(world: World): Promise<string[]> {
  return (await world.aws('DescribeTargetGroups')).texts('TargetGroupArn');
}

test('orphans are deleted after two complete audits, the first says so, and a live room is not touched', async () => {
  const { world, left } = await orphaned();
  world.startOperator({ 'audit-interval': '60s' });
  // The audit at the start is not complete: the pool was edited, and has not listed its load balancers since.
  await world.clock.advance(100_000);
  for (const arn of left) assert.ok((await groups(world)).includes(arn), `${arn} went after one audit`);
  const said = (await world.eventsOf('NLBPortPool', 'game')).filter(({ reason }) => reason === 'Orphan');
  assert.ok(said.some(({ note }) => note.includes('it is removed if the next audit finds it too')));
  await world.clock.advance(30_000);
  await world.eventually(async () => {
    const there = await groups(world);
    for (const arn of left) assert.ok(!there.includes(arn), `${arn} is there still`);
    await healthy(world);
  });
  assert.equal(await world.ask(world.endpointOf(await world.pod('room-1'))!), 'room-1');
  await world.end();
});

test('an orphan without a listener is looked at again after a minute, one with a listener at the next audit', async () => {
  for (const [hasListener, waitMs] of [
    [false, 90_000],
    [true, 400_000],
  ] as const) {
    const { world, left } = await orphaned();
    const listeners = await world.aws('DescribeListeners', { LoadBalancerArn: world.loadBalancers[0]!.arn });
    for (const part of hasListener ? [] : listeners.body.split('<ListenerArn>').slice(1)) {
      const ListenerArn = part.slice(0, part.indexOf('<'));
      if (left.some(arn => part.includes(arn))) await world.aws('DeleteListener', { ListenerArn });
    }
    world.startOperator();
    const lasts = async () => (await groups(world)).some(arn => left.includes(arn));
    await world.eventually(async () => {
      const told = (await world.eventsOf('NLBPortPool', 'game')).map(({ note }) => note);
      assert.ok(told.some(note => note.includes('it is removed if the next audit finds it too')));
    }, 1_300_000);
    assert.ok(await lasts(), 'gone after one audit');
    await world.clock.advance(waitMs);
    assert.equal(await lasts(), hasListener);
    await world.end();
  }
});

const reasonsToKeep: Record<string, (world: World) => unknown> = {
  'a listing of listeners fails': world => world.awsFaults.set([{ kind: 'error', actions: ['DescribeListeners'] }]),
  'a listing of target groups fails': world =>
    world.awsFaults.set([{ kind: 'error', actions: ['DescribeTargetGroups'] }]),
  'their tags cannot be read': world => world.awsFaults.set([{ kind: 'error', actions: ['DescribeTags'] }]),
  'a load balancer of a pool does not exist': async world => {
    const absent = world.loadBalancers[0]!.arn.replace(/[0-9a-f]{16}$/, '0123456789abcdef');
    const loadBalancers = [...world.loadBalancers.map(({ arn }) => ({ arn })), { arn: absent }];
    await world.editPool('game', { loadBalancers });
  },
};
for (const [reason, spoil] of Object.entries(reasonsToKeep)) {
  test(`orphans are kept while ${reason}`, async () => {
    const { world, left } = await orphaned();
    await spoil(world);
    world.startOperator({ 'audit-interval': '10s' });
    await world.clock.advance(300_000);
    const there = await groups(world);
    for (const arn of left) assert.ok(there.includes(arn), `${arn} is gone`);
    await world.end();
  });
}
