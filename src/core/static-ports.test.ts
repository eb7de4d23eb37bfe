import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortWish } from '../api/claim.ts';
import type { NLBPortPool } from '../api/pool.ts';
import { withStaticPorts } from './static-ports.ts';

const pool = { metadata: { name: 'game' }, spec: { ports: { min: 30000, max: 30049 } } } as unknown as NLBPortPool;
const wish = (name: string): PortWish => ({ name, targetPort: 7777, protocol: 'UDP' });
const numbers = (names: string[], text: string | undefined) => {
  const result = withStaticPorts(names.map(wish), text, pool);
  return result.ok ? result.value.map(({ number }) => number) : result.error.reason;
};

test('withStaticPorts() fixes the number of the one port, by name or without', () => {
  assert.deepEqual(numbers(['game'], '30007'), [30007]);
  assert.deepEqual(numbers(['game'], ' game=30007 '), [30007]);
  assert.deepEqual(numbers(['game'], undefined), [undefined]);
});

test('withStaticPorts() fixes some of several ports, in their order, whatever the order of the annotation', () => {
  assert.deepEqual(numbers(['game', 'voice', 'web'], 'web=30009,game=30007'), [30007, undefined, 30009]);
});

test('withStaticPorts() refuses a number without a name among several, a stranger, and anything twice', () => {
  for (const text of ['30007', 'chat=30007', 'game=30007,game=30008', 'game=30007,voice=30007', 'game=', '=1', 'x']) {
    assert.equal(numbers(['game', 'voice'], text), 'MalformedStaticPort', text);
  }
});

test('withStaticPorts() refuses numbers outside of the pool', () => {
  assert.equal(numbers(['game'], '29999'), 'PortNotInRange');
  assert.equal(numbers(['game'], '30050'), 'PortNotInRange');
  assert.deepEqual(numbers(['game'], '30049'), [30049]);
});

test('withStaticPorts() shows a hostile annotation in part only', () => {
  const result = withStaticPorts([wish('game')], ','.repeat(100_000), pool);
  assert.ok(!result.ok && result.error.message.length < 300);
});
