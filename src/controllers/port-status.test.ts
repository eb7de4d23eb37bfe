import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '../api/conditions.ts';
import { codedError } from '../api/errors.ts';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { KnownTarget, NLBPort, PortStatus } from '../api/port.ts';
import type { TargetHealth } from '../aws/port-provider.ts';
import { aClaim, aPort, arnOf } from '../core/port.fixture.ts';
import { type PortContext, portContext } from './port-context.ts';
import { deriveStatus, type HealthQuestion, markTargets, withFailure, withHealth } from './port-status.ts';

const startMs = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(ms).toISOString();
const room = { ip: '10.0.0.1', port: 7777 };
const known = (state: KnownTarget['state'], more: Partial<KnownTarget> = {}): KnownTarget => ({
  ...room,
  state,
  since: at(startMs),
  ...more,
});

const loadBalancer = {
  arn: arnOf('a'),
  name: 'a',
  dnsName: 'a.example',
  hostname: 'play.example.com',
  vpcId: 'vpc-1',
  state: 'active',
  capacity: 50,
  foreignPorts: [30009],
};

const pool: NLBPortPool = {
  metadata: { name: 'game' },
  spec: poolSpec.parse({
    loadBalancers: [{ arn: arnOf('a') }],
    ports: { min: 30000, max: 30009 },
    protocol: 'UDP',
    access: { namespaces: ['*'] },
  }),
  status: { loadBalancers: [loadBalancer] },
};

const contextOf = (port: NLBPort, listed = pool): PortContext =>
  portContext(port, listed, { firstHealthLookMs: 60_000, drainSlackMs: 2_000, conflictRetryMs: 120_000 });

const { fingerprints } = contextOf(aPort(30000)).settings;
const inPlace: PortStatus = { targetGroupArn: 'tg', listenerArn: 'listener', inspected: true, applied: fingerprints };
const bound = { claim: aClaim('room'), targets: [room] };

const derive = (port: NLBPort, status: PortStatus, context = contextOf(port)) =>
  deriveStatus(port, status, context, startMs);
const healthAt = (port: NLBPort, found: TargetHealth[], asked: Partial<HealthQuestion> = {}) =>
  withHealth(port, found, asked.atMs ?? startMs, { port, atMs: startMs, forgetAfterMs: 0, ...asked });
const reasonOf = (status: PortStatus, type: string) => findCondition(status.conditions, type)?.reason;

test('deriveStatus() publishes an endpoint exactly while the listener is in place', () => {
  const port = aPort(30000, { spec: bound });
  assert.equal(derive(port, {}).endpoint, undefined);
  const status = derive(port, inPlace);
  assert.equal(status.endpoint, 'play.example.com:30000');
  assert.equal(status.phase, 'Bound');
  assert.equal(status.claimant, 'default/room');
  assert.equal(status.target, '10.0.0.1:7777');
  assert.equal(derive(port, { ...status, removing: true }).endpoint, undefined);
  assert.equal(derive(port, { ...inPlace, creating: '7' }).endpoint, undefined, 'not sure to be there');
  const doubted = { ...derive(port, status), creating: '7' };
  assert.ok(derive(port, doubted).endpoint, 'a doubt alone withdraws nothing');
});

test('deriveStatus() keeps the endpoint that a room knows when the load balancer has left the pool', () => {
  const port = aPort(30000, { spec: bound });
  const status = derive(port, inPlace);
  const without = { ...pool, status: { loadBalancers: [] } };
  assert.equal(derive(port, status, contextOf(port, without)).endpoint, 'play.example.com:30000');
});

test('deriveStatus() keeps what AWS said until it is over, and no longer than that', () => {
  const port = aPort(30000, { spec: bound });
  const denied = codedError('AwsAccessDenied', 'Cannot CreateListener: AWS answered AccessDenied', {
    action: 'CreateListener',
    errorCode: 'AccessDenied',
  });
  const failed = derive(port, withFailure({ creating: '7' }, 'Provisioned', denied, 1, startMs));
  assert.equal(reasonOf(failed, 'Provisioned'), 'AwsAccessDenied');
  assert.equal(reasonOf(derive(port, failed), 'Provisioned'), 'AwsAccessDenied');
  const { creating: _, ...gone } = failed;
  assert.equal(reasonOf(derive(port, { ...gone, ...inPlace }), 'Provisioned'), 'Provisioned');
  const free = aPort(30000);
  assert.equal(reasonOf(derive(free, failed), 'Provisioned'), 'AwsAccessDenied', 'while AWS may hold something');
  assert.equal(reasonOf(derive(free, gone), 'Provisioned'), 'NotNeeded');
});

test('deriveStatus() forgets a quarantine in which AWS has a target after all', () => {
  const spec = { claim: aClaim('room', { releasedAt: at(startMs) }), targets: [] };
  const resting = { ...inPlace, reuseAfter: at(startMs + 9_000), reuseOf: at(startMs) };
  assert.equal(derive(aPort(30000, { spec }), resting).reuseAfter, at(startMs + 9_000));
  const found = derive(aPort(30000, { spec }), { ...resting, targets: [known('Registered')] });
  assert.equal(found.reuseAfter, undefined);
  assert.equal(found.phase, 'Releasing');
});

test('deriveStatus() forgets those that left first where there are too many targets to write down, and nobody else', () => {
  const gone = Array.from({ length: 2_000 }, (_, at) => known('Draining', { port: at + 1 }));
  const last = known('Draining', { ip: '10.0.0.2', since: at(startMs - 1) });
  const targets = [known('Registered', { ip: '10.0.0.3' }), ...gone, last, known('Registering', { ip: '10.0.0.4' })];
  const left = derive(aPort(30000, { spec: bound }), { ...inPlace, targets }).targets;
  assert.deepEqual(
    left?.map(({ ip, port }) => `${ip}:${port}`),
    ['10.0.0.3:7777', ...gone.slice(2).map(({ ip, port }) => `${ip}:${port}`), '10.0.0.4:7777'],
  );
});

test('deriveStatus() shows a listener of someone else, and forgets a conflict at its time', () => {
  const foreign = aPort(30009);
  const shown = derive(foreign, {});
  assert.equal(shown.phase, 'Conflict');
  assert.equal(reasonOf(shown, 'Provisioned'), 'ListenerConflict');
  const port = aPort(30000);
  const conflict = codedError('ListenerConflict', 'Cannot make a listener: one is there');
  const met = { ...withFailure({}, 'Provisioned', conflict, 1, startMs), conflictUntil: at(startMs + 1) };
  assert.equal(derive(port, met).phase, 'Conflict');
  const over = deriveStatus(port, met, contextOf(port), startMs + 1);
  assert.equal(over.phase, 'Cold');
  assert.equal(over.conflictUntil, undefined);
});

test('withFailure() keeps the first of a kind: another request id is no news', () => {
  const error = (requestId: string, errorCode = 'AccessDenied') =>
    codedError('AwsAccessDenied', `Cannot X: AWS answered ${errorCode} (request ${requestId})`, {
      action: 'CreateListener',
      errorCode,
      requestId,
    });
  const first = withFailure({}, 'Provisioned', error('1'), 1, startMs);
  assert.equal(withFailure(first, 'Provisioned', error('2'), 1, startMs + 1), first);
  assert.notEqual(withFailure(first, 'Provisioned', error('3', 'UnauthorizedOperation'), 1, startMs), first);
});

test('withHealth() calls a port healthy only when its group holds exactly what it wants', () => {
  const port = aPort(30000, { spec: bound, status: { ...inPlace, targets: [known('Registered')] } });
  const healthOf = (...found: TargetHealth[]) => findCondition(healthAt(port, found).conditions, 'Healthy');
  assert.equal(healthOf({ ...room, state: 'healthy' })?.status, 'True');
  assert.equal(healthOf({ ...room, state: 'initial' })?.status, 'Unknown');
  assert.equal(healthOf({ ...room, state: 'unhealthy', reason: 'Target.Timeout' })?.reason, 'TargetUnhealthy');
  assert.equal(healthOf()?.status, 'Unknown');
  const stranger = { ip: '10.9.9.9', port: 1, state: 'healthy' };
  assert.equal(healthOf({ ...room, state: 'healthy' }, stranger)?.reason, 'StrangerRegistered');
  const leaving = { ip: '10.0.0.2', port: 7777, state: 'draining' };
  assert.equal(healthOf({ ...room, state: 'healthy' }, leaving)?.status, 'True');
});

test('withHealth() calls a port of several targets healthy while one is, says how many are, and goes on looking', () => {
  const rooms = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(ip => ({ ...room, ip }));
  const targets = rooms.map(each => ({ ...each, state: 'Registered' as const, since: at(startMs) }));
  const port = aPort(30000, { spec: { ...bound, targets: rooms }, status: { ...inPlace, targets } });
  const seenAs = (...states: string[]) => {
    const found = rooms.map((each, index) => ({ ...each, state: states[index] ?? '' }));
    const status = healthAt(port, found);
    const { status: healthy, reason, message } = findCondition(status.conditions, 'Healthy') ?? {};
    return { told: `${healthy} ${reason} ${message}`, looksAgain: status.lookAfter !== undefined };
  };
  assert.deepEqual(seenAs('healthy', 'healthy', 'healthy'), {
    told: 'True Healthy 3 of 3 targets healthy',
    looksAgain: false,
  });
  assert.deepEqual(seenAs('healthy', 'initial', 'unhealthy'), {
    told: 'True Healthy 1 of 3 targets healthy: 10.0.0.3:7777 fails its health check',
    looksAgain: true,
  });
  const none = seenAs('initial', 'unhealthy', 'unhealthy');
  assert.match(none.told, /^False TargetUnhealthy NLBP-\d+: .*10\.0\.0\.2:7777/);
  assert.match(seenAs('initial', 'initial', 'initial').told, /^Unknown Registering/);
});

test('withHealth() writes down every target that AWS has, and forgets a drained one', () => {
  const port = aPort(30000, { status: { ...inPlace, targets: [known('Draining')] } });
  const stranger = { ip: '10.9.9.9', port: 1, state: 'initial' };
  const seen = healthAt(port, [{ ...room, state: 'draining' }, stranger]);
  assert.deepEqual(
    seen.targets?.map(({ ip, state }) => `${ip} ${state}`),
    ['10.0.0.1 Draining', '10.9.9.9 Registered'],
  );
  assert.deepEqual(healthAt(port, []).targets, []);
});

test('withHealth() registers again what AWS has lost', () => {
  const port = aPort(30000, { spec: bound, status: { ...inPlace, targets: [known('Registered')] } });
  assert.deepEqual(
    healthAt(port, []).targets?.map(({ state }) => state),
    ['Registering'],
  );
});

test('withHealth() forgets no target because of an answer that is older than what was done since', () => {
  const moved = { ...room, ip: '10.0.0.99' };
  const port = aPort(1, {
    spec: { claim: aClaim('room'), targets: [moved] },
    status: { targets: [{ ...room, state: 'Registered', since: at(startMs) }] },
  });
  assert.deepEqual(healthAt(port, []).targets, port.status?.targets);
  const drains = { ...port, status: { targets: [{ ...room, state: 'Draining' as const, since: at(startMs) }] } };
  assert.deepEqual(healthAt(drains, [], { port }).targets, drains.status.targets);
  assert.deepEqual(healthAt(drains, []).targets, []);
});

test('withHealth() remembers a target that left a port in use for as long as a call from before can bring it back', () => {
  const port = aPort(1, {
    spec: bound,
    status: { targets: [{ ...room, ip: '10.9.9.9', state: 'Draining', since: at(startMs) }] },
  });
  const left = (atMs: number) => healthAt(port, [], { atMs, forgetAfterMs: 300_000 }).targets?.length;
  assert.deepEqual([startMs + 299_999, startMs + 300_000].map(left), [1, 0]);
});

test('withHealth() forgets of two that drain only the one whose time is over, though an old answer shows neither', () => {
  const targets = [known('Draining'), known('Draining', { ip: '10.9.9.9', since: at(startMs + 5_000) })];
  const port = aPort(1, { spec: bound, status: { targets } });
  const left = healthAt(port, [], { atMs: startMs + 32_000, forgetAfterMs: 32_000 }).targets;
  assert.deepEqual(
    left?.map(({ ip }) => ip),
    ['10.9.9.9'],
  );
});

test('withHealth() leaves the look at the end of a quarantine to an answer from after that', () => {
  const port = aPort(1, { spec: bound, status: { ...inPlace, lateLookAfter: at(startMs + 5_000) } });
  const looks = (atMs: number) => healthAt(port, [{ ...room, state: 'healthy' }], { atMs }).lateLookAfter;
  assert.deepEqual([startMs + 4_999, startMs + 5_000].map(looks), [at(startMs + 5_000), undefined]);
});

test('withHealth() looks again ever more rarely, and no more once all is well', () => {
  const port = aPort(30000, { spec: bound, status: { ...inPlace, targets: [known('Registered')] } });
  const waitMs = (ageMs: number) => {
    const { lookAfter = '' } = healthAt(port, [{ ...room, state: 'initial' }], { atMs: startMs + ageMs });
    return Date.parse(lookAfter) - startMs - ageMs;
  };
  assert.deepEqual([0, 60_000, 600_000, 1e9].map(waitMs), [1_000, 30_000, 300_000, 600_000]);
  assert.equal(healthAt(port, [{ ...room, state: 'healthy' }]).lookAfter, undefined);
});

test('markTargets() puts each target down once, with the time of its change', () => {
  const first = markTargets({ lookAfter: at(startMs) }, [room], 'Registering', startMs);
  assert.deepEqual(first, { targets: [known('Registering')] });
  const second = markTargets(first, [room], 'Registered', startMs + 5);
  assert.deepEqual(second.targets, [known('Registered', { since: at(startMs + 5) })]);
});
