import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterPass, isHolding, unpassed } from './patience.ts';

test('afterPass() holds nothing back before a hundred ports went to younger claims', () => {
  const waited = afterPass(unpassed, 99, 'a', 0);
  assert.ok(!isHolding(waited, 0));
  const held = afterPass(waited, 1, 'a', 1_000);
  assert.deepEqual(held.holding, { arn: 'a', untilMs: 31_000 });
  assert.ok(isHolding(held, 30_999));
  assert.ok(!isHolding(held, 31_000));
});

test('afterPass() holds back twice as long each time, and lets a hundred others pass in between', () => {
  let patience = unpassed;
  let nowMs = 0;
  for (const holdMs of [30_000, 60_000, 120_000, 240_000]) {
    patience = afterPass(patience, 60, 'a', nowMs);
    assert.ok(!isHolding(patience, nowMs));
    patience = afterPass(patience, 60, 'b', nowMs);
    assert.deepEqual(patience.holding, { arn: 'b', untilMs: nowMs + holdMs });
    assert.equal(afterPass(patience, 500, 'c', nowMs + 1), patience, 'it stays where it is');
    nowMs += holdMs;
  }
});

test('afterPass() holds nothing back where there is no load balancer', () => {
  assert.ok(!isHolding(afterPass(unpassed, 1_000, undefined, 0), 0));
});
