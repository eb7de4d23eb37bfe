import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadBalancerId, targetGroupName } from '../api/names.ts';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { NLBPort, PortStatus } from '../api/port.ts';
import {
  type AuditInput,
  type AwsView,
  canBeLookedInto,
  compareGroup,
  compareListing,
  type SeenListener,
  type SeenTargetGroup,
} from './audit.ts';
import { isSetBack, setBack } from './audit-repair.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';
import { targetGroupSettings } from './target-group-settings.ts';

const clusterId = 'cluster-1';
const arn = arnOf('a');
const spec = poolSpec.parse({
  loadBalancers: [{ arn }],
  ports: { min: 30000, max: 30009 },
  protocol: 'UDP',
  access: { namespaces: ['*'] },
});
const { fingerprints, attributes } = targetGroupSettings(spec);

function aPool(name: string, reason = 'Ready'): NLBPortPool {
  const conditions = [{ type: 'Ready', status: 'True', reason, message: '', lastTransitionTime: '' }] as never;
  const loadBalancers = [{ arn } as never];
  return { metadata: { name, generation: 1 }, spec, status: { observedGeneration: 1, conditions, loadBalancers } };
}

/** A port that is bound to `10.0.0.1:7777` and in place. */
function inPlace(number: number, more: { spec?: Partial<NLBPort['spec']>; status?: PortStatus } = {}): NLBPort {
  return aPort(number, {
    spec: { claim: aClaim('room'), targets: [{ ip: '10.0.0.1', port: 7777 }], ...more.spec },
    status: {
      listenerArn: `listener-${number}`,
      targetGroupArn: `group-${number}`,
      inspected: true,
      applied: fingerprints,
      targets: [{ ip: '10.0.0.1', port: 7777, state: 'Registered', since: '2026-01-01T00:00:00Z' }],
      ...more.status,
    },
  });
}

function listenerOf(number: number, more: Partial<SeenListener> = {}): SeenListener {
  const forwardsTo = `group-${number}`;
  const seen = { arn: `listener-${number}`, loadBalancerArn: arn, port: number, protocol: 'UDP', forwardsTo };
  return { ...seen, owner: 'recorded', ...more };
}

function groupOf(number: number, more: Partial<SeenTargetGroup> = {}): SeenTargetGroup {
  return {
    arn: `group-${number}`,
    name: targetGroupName(clusterId, arn, number),
    owner: 'recorded',
    loadBalancerArns: [arn],
    healthCheck: { protocol: 'TCP', port: 'traffic-port', intervalSeconds: 10, timeoutSeconds: 6, healthyThreshold: 2 },
    ...more,
  };
}

function compare(ports: NLBPort[], view: Partial<AwsView>, more: Partial<AuditInput> = {}) {
  const whole = { targetGroups: [], listeners: [], loadBalancers: [arn], missing: [], ...view };
  const rest = { pools: [aPool('game')], heldByPods: new Set<string>(), restored: false };
  return compareListing({ clusterId, ports, view: whole, ...rest, ...more });
}

const kinds = (findings: readonly { kind: string }[]) => findings.map(({ kind }) => kind);
const nameOf = (number: number) => `nlb-${loadBalancerId(arn)}-${number}`;

test('compareListing() finds nothing where AWS holds what the ports say', () => {
  assert.deepEqual(compare([inPlace(1)], { listeners: [listenerOf(1)], targetGroups: [groupOf(1)] }), []);
});

test('compareListing() tells a listener that is gone from a port that somebody took', () => {
  const targetGroups = [groupOf(1)];
  assert.deepEqual(kinds(compare([inPlace(1)], { targetGroups })), ['ListenerMissing']);
  const taken = listenerOf(1, { arn: 'other', owner: undefined });
  assert.deepEqual(kinds(compare([inPlace(1)], { targetGroups, listeners: [taken] })), ['PortTaken']);
});

test('compareListing() looks after a bound port whose object somebody deleted, and after no free one', () => {
  const deleted = (port: NLBPort): NLBPort => ({
    ...port,
    metadata: { ...port.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  });
  const targetGroups = [groupOf(1)];
  assert.deepEqual(kinds(compare([deleted(inPlace(1))], { targetGroups })), ['ListenerMissing']);
  const free = inPlace(1, { spec: { claim: undefined as never, targets: [], warm: true } });
  assert.deepEqual(compare([deleted(free)], { targetGroups }), []);
});

test('compareListing() says nothing of a port that is worked on, not wanted, or on a load balancer that was not listed', () => {
  const quiet: [NLBPort, Partial<AwsView>][] = [
    [inPlace(1, { status: { creating: '7' } }), {}],
    [inPlace(1, { status: { removing: true } }), {}],
    [inPlace(1, { spec: { claim: undefined as never, targets: [] } }), {}],
    [inPlace(1), { loadBalancers: [], targetGroups: [groupOf(1)] }],
  ];
  for (const [port, view] of quiet) assert.deepEqual(compare([port], view), []);
});

test('compareListing() takes a pool edit on its way for none of its business, and an altered health check for a finding', () => {
  const seen = groupOf(1, { healthCheck: { ...groupOf(1).healthCheck, intervalSeconds: 300 } });
  const view = { listeners: [listenerOf(1)], targetGroups: [seen] };
  assert.deepEqual(kinds(compare([inPlace(1)], view)), ['HealthCheckChanged']);
  assert.deepEqual(compare([inPlace(1, { status: { applied: { healthCheck: 'older' } } })], view), []);
});

test('compareListing() finds what a cold port does not know of, and nothing while it is being looked for', () => {
  const owner = { port: nameOf(1), pool: 'game' };
  const view = { listeners: [listenerOf(1, { owner })], targetGroups: [groupOf(1, { owner })] };
  assert.deepEqual(kinds(compare([aPort(1)], view)), ['Unrecorded', 'Unrecorded']);
  assert.deepEqual(compare([aPort(1, { status: { creating: '7' } })], view), []);
});

test('compareListing() removes orphans, and keeps them for every reason to doubt', () => {
  const owner = { port: nameOf(9), pool: 'game' };
  const view = { listeners: [listenerOf(9, { owner })], targetGroups: [groupOf(9, { owner })] };
  const actions = (findings: ReturnType<typeof compare>) => findings.map(({ kind, action }) => `${kind} ${action.do}`);
  assert.deepEqual(actions(compare([], view)), ['Orphan remove', 'Orphan remove']);
  const group = { targetGroups: [groupOf(9, { owner })] };
  const doubts: [string, ReturnType<typeof compare>][] = [
    ['restored', compare([], group, { restored: true })],
    ['a live pod', compare([], group, { heldByPods: new Set([nameOf(9)]) })],
    ['no such pool', compare([], group, { pools: [aPool('other')] })],
    ['a load balancer is missing', compare([], { ...group, missing: ['b'] }).slice(1)],
    ['a pool could not list', compare([], group, { pools: [aPool('game', 'AwsThrottled')] })],
    ['a pool has not looked yet', compare([], group, { pools: [{ ...aPool('game'), status: {} as never }] })],
    ['another load balancer', compare([], { targetGroups: [groupOf(9, { owner, loadBalancerArns: ['b'] })] })],
    ['no port in its tags', compare([], { targetGroups: [groupOf(9, { owner: { pool: 'game' } })] })],
    ['a copy of a port that exists', compare([aPort(9)], { targetGroups: [groupOf(9, { owner, name: 'copy' })] })],
  ];
  for (const [why, findings] of doubts) assert.deepEqual(actions(findings), ['Orphan tell'], why);
});

test('compareListing() leaves strangers alone', () => {
  const listeners = [listenerOf(5, { owner: undefined, forwardsTo: undefined })];
  assert.deepEqual(compare([inPlace(1)], { listeners: [...listeners, listenerOf(1)], targetGroups: [groupOf(1)] }), []);
});

test('compareGroup() finds strangers, missing targets and altered attributes, and none of what is on its way', () => {
  const own = { ip: '10.0.0.1', port: 7777, state: 'healthy' };
  const look = (targets: { ip: string; port: number; state: string }[], more = {}) => ({
    targets,
    attributes: { ...attributes, ...more },
  });
  const found = (...args: Parameters<typeof look>) => kinds(compareGroup(inPlace(1), aPool('game'), look(...args)));
  assert.deepEqual(found([own]), []);
  assert.deepEqual(found([own, { ip: '10.9.9.9', port: 1, state: 'initial' }]), ['StrangerRegistered']);
  assert.deepEqual(found([own, { ip: '10.9.9.9', port: 1, state: 'draining' }]), []);
  assert.deepEqual(found([{ ...own, state: 'draining' }]), ['TargetMissing']);
  assert.deepEqual(found([]), ['TargetMissing']);
  assert.deepEqual(found([own], { 'load_balancing.cross_zone.enabled': 'false' }), ['AttributesChanged']);
  const edited = inPlace(1, { status: { applied: { attributes: 'older' } } });
  assert.deepEqual(compareGroup(edited, aPool('game'), { targets: [own], attributes: {} }), []);
  const gone = compareGroup(inPlace(1), aPool('game'), { targets: undefined, attributes: {} });
  assert.deepEqual(kinds(gone), ['TargetGroupMissing']);
});

test('setBack() changes nothing of a port that has moved on, and forgets nothing of one that has not', () => {
  const asked = inPlace(1);
  const parts = ['listener', 'targets', 'healthCheck', 'attributes'] as const;
  for (const status of [{ listenerArn: 'new' }, { targetGroupArn: 'new' }, { creating: '7' }, { removing: true }]) {
    assert.equal(setBack(asked, inPlace(1, { status }), parts), undefined, JSON.stringify(status));
  }
  const next = setBack(asked, asked, parts);
  assert.equal(next?.creating, asked.metadata.resourceVersion);
  assert.equal(next?.inspected, false);
  for (const key of ['listenerArn', 'targetGroupArn', 'targets'] as const) {
    assert.deepEqual(next?.[key], asked.status?.[key]);
  }
  assert.ok(isSetBack(next, asked.status));
  assert.ok(!isSetBack(next, next));
  assert.ok(!isSetBack(asked.status, next));
});

test('canBeLookedInto() leaves out ports that are worked on', () => {
  assert.ok(canBeLookedInto(inPlace(1)));
  assert.ok(!canBeLookedInto(inPlace(1, { status: { inspected: false } })));
  assert.ok(!canBeLookedInto(aPort(1)));
});

test('a port that rests after its claim is looked into, though its listener is to be made once more when it is free', () => {
  const claim = aClaim('room', { releasedAt: '2026-01-01T00:00:00Z' });
  const resting = inPlace(1, { spec: { claim, targets: [] }, status: { creating: '7', targets: [] } });
  assert.ok(canBeLookedInto(resting));
  assert.ok(!canBeLookedInto(inPlace(1, { status: { creating: '7' } })));
  const next = setBack(resting, resting, ['targets']);
  assert.equal(next?.inspected, false);
  assert.equal(next?.creating, '7');
});
