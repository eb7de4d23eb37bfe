import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codedError } from '../api/errors.ts';
import { type LoadBalancerStatus, type NLBPortPool, type PoolStatus, poolSpec } from '../api/pool.ts';
import { type PoolFacts, poolConditions } from './pool-conditions.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';

const pool: NLBPortPool = {
  metadata: { name: 'game', generation: 3 },
  spec: poolSpec.parse({
    loadBalancers: [{ arn: arnOf('a') }],
    ports: { min: 30000, max: 30001 },
    protocol: 'UDP',
    access: { namespaces: ['*'] },
    release: { quarantine: '10s' },
  }),
};
const loadBalancer = (capacity: number): LoadBalancerStatus => ({
  arn: arnOf('a'),
  name: 'a',
  dnsName: 'a.example',
  hostname: 'a.example',
  vpcId: 'vpc-1',
  scheme: 'internet-facing',
  state: 'active',
  capacity,
  foreignPorts: [],
});
const both = [aPort(30000), aPort(30001)];

function conditionsOf(status: PoolStatus, facts: Partial<PoolFacts> = {}, of = pool): string[] {
  const planned = [{ arn: arnOf('a'), foreignListenerPorts: [], ownedByOthers: new Set<number>() }];
  const all = { ports: both, planned, problem: undefined, awsAttemptMs: 5_000, ...facts };
  return poolConditions(of, status, all).map(condition => {
    assert.equal(condition.observedGeneration, 3);
    return `${condition.type}=${condition.status} ${condition.reason}`;
  });
}

/** A status with room for two ports. */
const roomy = (free: number, waiting: number): PoolStatus => ({
  loadBalancers: [loadBalancer(2)],
  ports: { total: 2, free, warm: 0, bound: 2 - free, resting: 0, conflict: 0 },
  waiting,
});

test('a pool is full only where every port that it can have is there and none is free', () => {
  const capacity = (status: PoolStatus, facts?: Partial<PoolFacts>) => conditionsOf(status, facts)[1];
  assert.equal(capacity(roomy(0, 0)), 'CapacityAvailable=True PortsFree');
  assert.equal(capacity(roomy(1, 1)), 'CapacityAvailable=True PortsFree');
  assert.equal(capacity(roomy(0, 1)), 'CapacityAvailable=False PoolFull');
  assert.equal(capacity(roomy(0, 1), { ports: [both[0]!] }), 'CapacityAvailable=False SettingUp');
  const retiring = aPort(30001, { spec: { retire: true } });
  assert.equal(capacity(roomy(0, 1), { ports: [both[0]!, retiring] }), 'CapacityAvailable=False SettingUp');
  assert.equal(capacity({ ...roomy(0, 1), loadBalancers: [] }), 'CapacityAvailable=False SettingUp');
});

test('what keeps a pool from being ready is told before an overlap with another pool, and that before its figures', () => {
  const overlap = { planned: [{ arn: arnOf('a'), foreignListenerPorts: [], ownedByOthers: new Set([30001, 40000]) }] };
  const problem = codedError('LoadBalancerNotFound', 'Cannot find it');
  assert.equal(conditionsOf(roomy(2, 0))[0], 'Ready=True Ready');
  assert.equal(conditionsOf(roomy(2, 0), overlap)[0], 'Ready=False PoolOverlap');
  assert.equal(conditionsOf(roomy(2, 0), { ...overlap, problem })[0], 'Ready=False LoadBalancerNotFound');
  const elsewhere = { planned: [{ arn: arnOf('a'), foreignListenerPorts: [], ownedByOthers: new Set([40000]) }] };
  assert.equal(conditionsOf(roomy(2, 0), elsewhere)[0], 'Ready=True Ready');
});

test('a pool that is being deleted says nothing but how many ports are left and who holds them', () => {
  const metadata = { ...pool.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  const held = { ports: [aPort(30000, { spec: { claim: aClaim('room-1') } }), aPort(30001)] };
  assert.deepEqual(conditionsOf(roomy(1, 1), held, { ...pool, metadata }), ['Ready=False Deleting']);
  const facts = { ...held, planned: [], problem: undefined, awsAttemptMs: 5_000 };
  const [deleting] = poolConditions({ ...pool, metadata }, roomy(1, 1), facts);
  assert.equal(deleting?.message, '2 ports left, held by default/room-1');
});

test('a quarantine shorter than one AWS call may take earns a warning', () => {
  assert.equal(conditionsOf(roomy(2, 0))[2], 'QuarantineSafe=True LongEnough');
  assert.equal(conditionsOf(roomy(2, 0), { awsAttemptMs: 10_001 })[2], 'QuarantineSafe=False ShortQuarantine');
});
