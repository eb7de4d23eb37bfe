import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition, preciseTimestamp, timestamp, withCondition } from './conditions.ts';

const atMs = Date.UTC(2026, 0, 1, 12, 0, 0, 789);
const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: 'All is well' } as const;

test('withCondition() moves the transition time only with the status', () => {
  const first = withCondition(undefined, ready, atMs);
  const same = withCondition(first, { ...ready, reason: 'Other', message: 'Still well' }, atMs + 60_000);
  assert.equal(findCondition(same, 'Ready')?.lastTransitionTime, '2026-01-01T12:00:00Z');
  assert.equal(findCondition(same, 'Ready')?.reason, 'Other');
  const changed = withCondition(same, { ...ready, status: 'False' }, atMs + 60_000);
  assert.equal(findCondition(changed, 'Ready')?.lastTransitionTime, '2026-01-01T12:01:00Z');
});

test('withCondition() leaves other conditions and their order alone', () => {
  const list = withCondition(withCondition(undefined, { ...ready, type: 'A' }, atMs), { ...ready, type: 'B' }, atMs);
  const next = withCondition(list, { ...ready, type: 'A', status: 'False' }, atMs);
  assert.deepEqual(
    next.map(({ type, status }) => `${type} ${status}`),
    ['A False', 'B True'],
  );
  assert.equal(next[1], list[1]);
});

test('timestamps are what the API server takes', () => {
  assert.equal(timestamp(atMs), '2026-01-01T12:00:00Z');
  assert.equal(preciseTimestamp(atMs), '2026-01-01T12:00:00.789Z');
  assert.equal(Date.parse(preciseTimestamp(atMs)), atMs);
});
