import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NLBPort, PortStatus } from '../api/port.ts';
import { countPorts, type PlannedLoadBalancer, type PoolPlan, type PoolPlanInput, planPool } from './plan-pool.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';

const [a, b] = [arnOf('a'), arnOf('b')];
const now = '2026-01-01T00:00:00Z';

const loadBalancer = (arn: string, more: Partial<PlannedLoadBalancer> = {}): PlannedLoadBalancer => ({
  arn,
  foreignListenerPorts: [],
  ownedByOthers: new Set(),
  ...more,
});

function input(
  more: Partial<Omit<PoolPlanInput, 'spec'>> & { spec?: Partial<PoolPlanInput['spec']> } = {},
): PoolPlanInput {
  return {
    poolName: 'game',
    deleting: false,
    loadBalancers: [loadBalancer(a)],
    ports: [],
    listenersPerLoadBalancer: 50,
    ...more,
    spec: { ports: { min: 30000, max: 30002 }, protocol: 'UDP', warm: 0, ...more.spec },
  };
}

const numbersOf = (ports: readonly NLBPort[]) => ports.map(({ spec }) => spec.port).toSorted((p, q) => p - q);

/** The ports after the plan was carried out; those to remove are gone, as they are once their AWS resources are. */
function apply(ports: readonly NLBPort[], plan: PoolPlan): NLBPort[] {
  const changed = ports.map(port => {
    const change = plan.change.find(({ name }) => name === port.metadata.name);
    const { name: _, ...spec } = change ?? { name: '' };
    return { ...port, spec: { ...port.spec, ...spec } };
  });
  const gone = new Set(plan.remove.map(({ metadata }) => metadata.name));
  return [...changed, ...plan.create].filter(({ metadata }) => !gone.has(metadata.name));
}

/** Plans and applies until nothing changes; fails where that takes more than the three rounds of retire and remove. */
function settle(planned: PoolPlanInput): NLBPort[] {
  let { ports } = planned;
  for (let round = 0; round < 4; round++) {
    const plan = planPool({ ...planned, ports });
    if (plan.create.length + plan.change.length + plan.remove.length === 0) return [...ports];
    ports = apply(ports, plan);
  }
  throw new Error('the plan does not come to rest');
}

test('planPool() makes each port of the range once, complete', () => {
  const { create, change, remove, capacity } = planPool(input({ loadBalancers: [loadBalancer(a), loadBalancer(b)] }));
  assert.equal(create.length, 6);
  assert.equal(new Set(create.map(({ metadata }) => metadata.name)).size, 6);
  assert.deepEqual(create[0]!.spec, {
    pool: 'game',
    loadBalancer: { arn: a },
    port: 30000,
    protocol: 'UDP',
    warm: false,
  });
  assert.deepEqual(create[0]!.metadata.finalizers, ['nlbports.dev/aws']);
  assert.deepEqual([change, remove], [[], []]);
  assert.deepEqual(Object.fromEntries(capacity), { [a]: 3, [b]: 3 });
});

test('planPool() uses the lowest numbers, as many as AWS leaves room for beside the listeners of others', () => {
  const spec = { ports: { min: 1, max: 100 } };
  const foreignListenerPorts = [5, 443, 8443];
  const plan = planPool(input({ spec, loadBalancers: [loadBalancer(a, { foreignListenerPorts })] }));
  assert.equal(plan.capacity.get(a), 47);
  // The one within the range is made too, for people to see.
  assert.deepEqual(
    numbersOf(plan.create),
    Array.from({ length: 48 }, (_, at) => at + 1),
  );
  const full = Array.from({ length: 60 }, (_, at) => 1_000 + at);
  const none = planPool(input({ spec, loadBalancers: [loadBalancer(a, { foreignListenerPorts: full })] }));
  assert.deepEqual([none.create, none.capacity.get(a)], [[], 0]);
});

test('planPool() leaves out what another pool owns', () => {
  const plan = planPool(input({ loadBalancers: [loadBalancer(a, { ownedByOthers: new Set([30001]) })] }));
  assert.deepEqual(numbersOf(plan.create), [30000, 30002]);
});

test('planPool() keeps a claimed port before it makes a lower one', () => {
  const bound = aPort(30002, { spec: { claim: aClaim('room') } });
  const plan = planPool(input({ ports: [bound], listenersPerLoadBalancer: 2 }));
  assert.deepEqual(numbersOf(plan.create), [30000]);
  assert.deepEqual([plan.change, plan.remove], [[], []]);
});

test('planPool() counts the listeners that its own ports outside of the range still have', () => {
  const spec = { ports: { min: 40000, max: 40002 } };
  const bound = aPort(30000, { spec: { claim: aClaim('room'), retire: true } });
  const goingDown = aPort(30001, { spec: { retire: true }, status: { listenerArn: 'arn' } as PortStatus });
  const plan = planPool(input({ spec, ports: [bound, goingDown], listenersPerLoadBalancer: 4 }));
  assert.equal(plan.capacity.get(a), 2);
  assert.deepEqual(numbersOf(plan.create), [40000, 40001]);
});

test('planPool() retires what the pool no longer wants, and removes it once nobody holds it', () => {
  const ports = [30000, 30001, 30002].map(number =>
    aPort(number, { spec: number === 30002 ? { claim: aClaim('x') } : {} }),
  );
  const shrunk = input({ spec: { ports: { min: 30000, max: 30000 } }, ports });
  const first = planPool(shrunk);
  assert.deepEqual(
    first.change.map(({ name, retire }) => `${name.slice(-5)} ${retire}`),
    ['30001 true', '30002 true'],
  );
  assert.deepEqual(first.remove, [], 'retire first: a bind that is under way must lose');
  const second = planPool({ ...shrunk, ports: apply(ports, first) });
  assert.deepEqual(numbersOf(second.remove), [30001]);
});

test('planPool() takes a retirement back when the port is wanted again, unless it is on its way out', () => {
  const retired = aPort(30000, { spec: { retire: true } });
  assert.deepEqual(planPool(input({ ports: [retired] })).change, [{ name: retired.metadata.name, retire: false }]);
  const leaving = aPort(30000, { spec: { retire: true }, deletionTimestamp: now });
  assert.deepEqual(planPool(input({ ports: [leaving] })).change, []);
});

test('planPool() of a pool that is deleted retires and removes everything', () => {
  const ports = settle(input());
  assert.equal(ports.length, 3);
  assert.deepEqual(settle(input({ deleting: true, ports })), []);
  const held = ports.map(port =>
    port.spec.port === 30001 ? { ...port, spec: { ...port.spec, claim: aClaim('x') } } : port,
  );
  assert.deepEqual(numbersOf(settle(input({ deleting: true, ports: held }))), [30001]);
});

test('planPool() warms free ports in order, passing over those that are claimed or in conflict', () => {
  const conflict = {
    conditions: [
      { type: 'Provisioned', status: 'False', reason: 'ListenerConflict', message: '', lastTransitionTime: now },
    ],
  } as PortStatus;
  const ports = [
    aPort(30000, { spec: { claim: aClaim('x') } }),
    aPort(30001, { status: conflict }),
    aPort(30002),
    aPort(30003),
    aPort(30004),
  ];
  const spec = { ports: { min: 30000, max: 30004 }, warm: 2 };
  const plan = planPool(input({ spec, ports }));
  assert.deepEqual(
    plan.change.map(({ name, warm }) => `${name.slice(-5)} ${warm}`),
    ['30002 true', '30003 true'],
  );
});

test('planPool() leaves a claimed port as warm as it is: it is looked at again when it is free', () => {
  const ports = [
    aPort(30000, { spec: { warm: true, claim: aClaim('x') } }),
    aPort(30001, { spec: { claim: aClaim('y') } }),
    aPort(30002, { spec: { warm: true } }),
  ];
  const plan = planPool(input({ spec: { warm: 0 }, ports }));
  assert.deepEqual(
    plan.change.map(({ name, warm }) => `${name.slice(-5)} ${warm}`),
    ['30002 false'],
  );
});

test('planPool() keeps warm what is warm already', () => {
  const ports = [aPort(30000), aPort(30001, { spec: { warm: true } }), aPort(30002)];
  assert.deepEqual(planPool(input({ spec: { warm: 1 }, ports })).change, []);
});

test('planPool() comes to rest, on ports that are right, from wherever it begins', () => {
  const number = fc.integer({ min: 30000, max: 30011 });
  const port = fc
    .record({
      number,
      onB: fc.boolean(),
      claimed: fc.boolean(),
      warm: fc.boolean(),
      retire: fc.boolean(),
      up: fc.boolean(),
    })
    .map(drawn =>
      aPort(drawn.number, {
        arn: drawn.onB ? b : a,
        spec: {
          warm: drawn.warm,
          ...(drawn.retire ? { retire: true } : {}),
          ...(drawn.claimed ? { claim: aClaim(`room-${drawn.number}-${drawn.onB}`) } : {}),
        },
        ...(drawn.up ? { status: { listenerArn: 'arn' } as PortStatus } : {}),
      }),
    );
  const world = fc.record({
    ports: fc.uniqueArray(port, { selector: ({ metadata }) => metadata.name, maxLength: 20 }),
    foreign: fc.uniqueArray(number, { maxLength: 5 }),
    others: fc.uniqueArray(number, { maxLength: 5 }),
    min: number,
    span: fc.integer({ min: 0, max: 8 }),
    warm: fc.integer({ min: 0, max: 6 }),
    limit: fc.integer({ min: 1, max: 12 }),
    withB: fc.boolean(),
  });
  fc.assert(
    fc.property(world, drawn => {
      // A number belongs to one pool: what is here can not be another's.
      const own = new Set(drawn.ports.filter(({ spec }) => spec.loadBalancer.arn === a).map(({ spec }) => spec.port));
      const others = new Set(drawn.others.filter(other => !own.has(other)));
      const planned = input({
        ports: drawn.ports,
        spec: { ports: { min: drawn.min, max: drawn.min + drawn.span }, warm: drawn.warm },
        loadBalancers: [
          loadBalancer(a, { foreignListenerPorts: drawn.foreign, ownedByOthers: others }),
          ...(drawn.withB ? [loadBalancer(b)] : []),
        ],
        listenersPerLoadBalancer: drawn.limit,
      });
      const ports = settle(planned);
      const names = ports.map(({ metadata }) => metadata.name);
      assert.equal(new Set(names).size, names.length);
      for (const port of drawn.ports) {
        if (port.spec.claim) assert.ok(names.includes(port.metadata.name), 'a claimed port stays');
      }
      for (const { spec } of ports) {
        if (spec.retire) assert.ok(spec.claim, 'what nobody holds is gone');
        if (others.has(spec.port) && spec.loadBalancer.arn === a) assert.fail('a port of another pool was made');
      }
      for (const arn of drawn.withB ? [a, b] : [a]) {
        const foreign = new Set(arn === a ? drawn.foreign : []);
        const open = ports.filter(
          ({ spec }) => spec.loadBalancer.arn === arn && !spec.retire && !spec.claim && !foreign.has(spec.port),
        );
        const held = ports.filter(({ spec }) => spec.loadBalancer.arn === arn && spec.claim && !foreign.has(spec.port));
        if (open.length > 0) assert.ok(foreign.size + held.length + open.length <= drawn.limit, 'over the quota');
      }
      const warm = ports.filter(({ spec }) => spec.warm && !spec.claim && !spec.retire);
      assert.ok(warm.length <= drawn.warm);
    }),
    { numRuns: 500 },
  );
});

test('countPorts() counts each port once', () => {
  const ports = [
    aPort(1),
    aPort(2, { status: { phase: 'Available' } }),
    aPort(3, { spec: { claim: aClaim('x') } }),
    aPort(4, { spec: { claim: aClaim('y', { releasedAt: now }) } }),
    aPort(5),
  ];
  const counts = countPorts(ports, ({ spec }) => spec.port === 5);
  assert.deepEqual(counts, { total: 5, free: 2, warm: 1, bound: 1, resting: 1, conflict: 1 });
});
