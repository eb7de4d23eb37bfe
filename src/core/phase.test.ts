import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PhaseContext, phaseOf } from './phase.ts';
import { aClaim, aPort } from './port.fixture.ts';

const now = '2026-01-01T00:00:00Z';

const startMs = Date.parse(now);
const cold: PhaseContext = { provisioned: false, foreign: false, retainedUntilMs: startMs, nowMs: startMs };
const there: PhaseContext = { ...cold, provisioned: true };

test('phaseOf() tells each stage of a life', () => {
  const released = aClaim('room', { releasedAt: now });
  assert.equal(phaseOf(aPort(1), cold), 'Cold');
  assert.equal(phaseOf(aPort(1, { spec: { warm: true } }), cold), 'Provisioning');
  assert.equal(phaseOf(aPort(1, { spec: { warm: true } }), there), 'Available');
  assert.equal(phaseOf(aPort(1, { spec: { claim: aClaim('room') } }), cold), 'Bound');
  assert.equal(phaseOf(aPort(1, { spec: { claim: released } }), there), 'Releasing');
  assert.equal(phaseOf(aPort(1, { spec: { claim: released }, status: { reuseAfter: now } }), there), 'Quarantined');
  assert.equal(phaseOf(aPort(1, { spec: { retire: true } }), there), 'Retiring');
  assert.equal(phaseOf(aPort(1, { spec: { retire: true, claim: aClaim('room') } }), there), 'Bound');
  assert.equal(phaseOf(aPort(1), { ...cold, foreign: true }), 'Conflict');
});

test('phaseOf() calls a port reserved from the end of its quarantine to the end of its retention', () => {
  const status = { reuseAfter: new Date(startMs + 1_000).toISOString() };
  const port = aPort(1, { spec: { claim: aClaim('room', { releasedAt: now }) }, status });
  const phaseAt = (nowMs: number, retainedUntilMs: number) =>
    phaseOf(port, { ...there, nowMs: startMs + nowMs, retainedUntilMs: startMs + retainedUntilMs });
  assert.equal(phaseAt(999, 5_000), 'Quarantined');
  assert.equal(phaseAt(1_000, 5_000), 'Reserved');
  assert.equal(phaseAt(4_999, 5_000), 'Reserved');
  assert.equal(phaseAt(5_000, 5_000), 'Quarantined');
  assert.equal(phaseAt(1_000, 500), 'Quarantined');
});
