import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDurationMs } from './duration.ts';

test('parseDurationMs() reads numbers with units, alone and one after another', () => {
  assert.equal(parseDurationMs('0s'), 0);
  assert.equal(parseDurationMs('30s'), 30_000);
  assert.equal(parseDurationMs('5m'), 300_000);
  assert.equal(parseDurationMs('1h30m'), 5_400_000);
  assert.equal(parseDurationMs('250ms'), 250);
  assert.equal(parseDurationMs('1m250ms'), 60_250);
});

test('parseDurationMs() refuses everything else', () => {
  for (const text of ['', '30', 's', '-1s', '1.5s', '1 s', '30S', '1d', '30s ', ' 30s', '5m\n', '∞', '1m30']) {
    assert.throws(() => parseDurationMs(text), RangeError, JSON.stringify(text));
  }
});

test('formatDuration() gives what parseDurationMs() reads back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), ms => {
      assert.equal(parseDurationMs(formatDuration(ms)), ms);
    }),
  );
});
