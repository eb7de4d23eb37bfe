import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { NLBPort } from '../api/port.ts';
import { allocate, allocateBeside, freePorts, isConflict, isFree } from './allocate.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';

const [a, b] = [arnOf('a'), arnOf('b')];
const now = '2026-01-01T00:00:00Z';
const conflict = {
  conditions: [
    { type: 'Provisioned', status: 'False', reason: 'ListenerConflict', message: '', lastTransitionTime: now },
  ],
} as NonNullable<NLBPort['status']>;
const dirty = { targets: [{ ip: '10.0.0.1', port: 7777, state: 'Draining', since: now }] } as NonNullable<
  NLBPort['status']
>;

/** Every state in which a port can be found, and whether it may be given away. */
const states = {
  cold: [(number: number, arn: string) => aPort(number, { arn }), true],
  warm: [(number: number, arn: string) => aPort(number, { arn, spec: { warm: true } }), true],
  bound: [(number: number, arn: string) => aPort(number, { arn, spec: { claim: aClaim('x') } }), false],
  released: [
    (number: number, arn: string) => aPort(number, { arn, spec: { claim: aClaim('x', { releasedAt: now }) } }),
    false,
  ],
  retired: [(number: number, arn: string) => aPort(number, { arn, spec: { retire: true } }), false],
  terminating: [(number: number, arn: string) => aPort(number, { arn, deletionTimestamp: now }), false],
  conflict: [(number: number, arn: string) => aPort(number, { arn, status: conflict }), false],
  dirty: [(number: number, arn: string) => aPort(number, { arn, status: dirty }), false],
} as const;
type State = keyof typeof states;
const names = Object.keys(states) as State[];
const make = (state: State, number: number, arn = a) => states[state][0](number, arn);

test('isFree() admits exactly the ports that nobody has, had, or is about to lose', () => {
  for (const state of names) assert.equal(isFree(make(state, 1)), states[state][1], state);
  assert.ok(isConflict(make('conflict', 1)));
  assert.ok(!isConflict(make('cold', 1)));
});

test('allocate() is right in every case of three ports on one load balancer', () => {
  let cases = 0;
  for (const first of names) {
    for (const second of names) {
      for (const third of names) {
        const ports = [make(first, 1), make(second, 2), make(third, 3)];
        for (const count of [1, 2, 3]) {
          for (let taken = 0; taken < 8; taken++) {
            cases++;
            const isTaken = ({ spec }: NLBPort) => (taken & (1 << (spec.port - 1))) !== 0;
            const usable = ports.filter((port, at) => states[[first, second, third][at]!]![1] && !isTaken(port));
            const expected = usable.toSorted((p, q) => Number(q.spec.warm) - Number(p.spec.warm)).slice(0, count);
            const result = allocate(freePorts([a], ports.toReversed(), isTaken), count);
            if (expected.length < count) {
              assert.deepEqual(result, { kind: 'exhausted', wanted: count, mostFree: usable.length });
            } else {
              assert.ok(result.kind === 'allocated');
              assert.deepEqual(
                result.ports.map(({ spec }) => spec.port),
                expected.map(({ spec }) => spec.port),
              );
              assert.equal(result.free.get(a)?.length, usable.length - count);
            }
          }
        }
      }
    }
  }
  assert.equal(cases, 8 ** 3 * 3 * 8);
});

test('allocate() gives several ports on one load balancer or none', () => {
  const ports = [make('cold', 1, a), make('cold', 1, b), make('cold', 2, b)];
  const two = allocate(
    freePorts([a, b], ports, () => false),
    2,
  );
  assert.ok(two.kind === 'allocated');
  assert.deepEqual(new Set(two.ports.map(({ spec }) => spec.loadBalancer.arn)), new Set([b]));
  const three = allocate(
    freePorts([a, b], ports, () => false),
    3,
  );
  assert.deepEqual(three, { kind: 'exhausted', wanted: 3, mostFree: 2 });
});

test('allocate() prefers the warm port that is up to those that are still to be made', () => {
  const status = { targetGroupArn: 'tg', listenerArn: 'listener', inspected: true, applied: { attributes: 'a' } };
  const up = (number: number, arn: string) => aPort(number, { arn, spec: { warm: true }, status });
  const chosen = (...ports: NLBPort[]) => {
    const result = allocate(
      freePorts([a, b], ports, () => false),
      1,
    );
    return result.kind === 'allocated' && result.ports.map(({ spec }) => `${spec.loadBalancer.arn} ${spec.port}`);
  };
  assert.deepEqual(chosen(make('warm', 1, a), up(2, a)), [`${a} 2`]);
  assert.deepEqual(chosen(make('warm', 1, a), up(1, b)), [`${b} 1`]);
});

test('allocate() prefers warm ports, then the order of the pool', () => {
  const free = (...ports: NLBPort[]) => freePorts([a, b], ports, () => false);
  const arnOfFirst = (result: ReturnType<typeof allocate>) =>
    result.kind === 'allocated' && result.ports[0]!.spec.loadBalancer.arn;
  assert.equal(arnOfFirst(allocate(free(make('cold', 1, a), make('warm', 9, b)), 1)), b);
  assert.equal(arnOfFirst(allocate(free(make('cold', 9, a), make('cold', 1, b)), 1)), a);
});

test('allocate() never gives one port twice, nor one of another pool or load balancer, until nothing is left', () => {
  const port = fc.record({
    state: fc.constantFrom(...names),
    number: fc.integer({ min: 1, max: 40 }),
    onB: fc.boolean(),
  });
  const ports = fc.uniqueArray(port, { maxLength: 40, selector: ({ number, onB }) => `${number} ${onB}` });
  fc.assert(
    fc.property(ports, fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 }), (drawn, wishes) => {
      const objects = drawn.map(({ state, number, onB }) => make(state, number, onB ? b : a));
      let free = freePorts([a, b], objects, () => false);
      const given = new Set<string>();
      for (const count of wishes) {
        const left = Math.max(0, ...[...free.values()].map(({ length }) => length));
        const result = allocate(free, count);
        assert.equal(result.kind === 'allocated', left >= count);
        if (result.kind === 'exhausted') continue;
        assert.equal(result.ports.length, count);
        for (const { metadata } of result.ports) {
          assert.ok(!given.has(metadata.name));
          given.add(metadata.name);
          assert.ok(isFree(objects.find(object => object.metadata.name === metadata.name)!));
        }
        free = result.free;
      }
    }),
  );
});

test('freePorts() leaves out load balancers that the pool can not use', () => {
  const free = freePorts([b], [make('cold', 1, a), make('cold', 1, b)], () => false);
  assert.deepEqual([...free.keys()], [b]);
});

const left = (number: number, arn: string, portName: string, releasedAt = now) =>
  aPort(number, { arn, spec: { claim: aClaim('x', { portName, releasedAt }) } });
const numbers = (result: ReturnType<typeof allocateBeside>) =>
  result.kind === 'allocated' ? result.ports.map(port => port.spec.port) : result.kind;
const wishes = [{ name: 'game' }, { name: 'voice' }, { name: 'query' }];

test('allocateBeside() gives each name what is kept for it, and adds from the same load balancer', () => {
  const free = freePorts([a, b], [aPort(1, { arn: a }), aPort(2, { arn: b }), aPort(3, { arn: b })], () => false);
  const result = allocateBeside(free, [left(9, b, 'voice'), left(8, b, 'game')], wishes);
  assert.deepEqual(numbers(result), [8, 9, 2]);
  assert.ok(result.kind === 'allocated');
  assert.deepEqual(
    [...result.free.values()].map(ports => ports.map(port => port.spec.port)),
    [[1], [3]],
  );
});

test('allocateBeside() prefers the load balancer that keeps most, and of one name the latest released', () => {
  const none = freePorts([a, b], [], () => false);
  const kept = [
    left(1, a, 'game'),
    left(2, b, 'game', '2026-01-01T00:00:01Z'),
    left(3, b, 'game', '2026-01-01T00:00:02Z'),
    left(4, b, 'voice'),
    left(5, b, 'query'),
    left(6, b, 'other'),
  ];
  assert.deepEqual(numbers(allocateBeside(none, kept, wishes)), [3, 4, 5]);
});

test('allocateBeside() chooses all anew where the rest does not fit beside what is kept', () => {
  const ports = [1, 2, 3].map(number => aPort(number, { arn: a }));
  const free = freePorts([a, b], ports, () => false);
  assert.deepEqual(numbers(allocateBeside(free, [left(9, b, 'voice')], wishes)), [1, 2, 3]);
  assert.equal(
    numbers(
      allocateBeside(
        freePorts([b], [], () => false),
        [left(9, b, 'voice')],
        wishes,
      ),
    ),
    'exhausted',
  );
});
