import assert from 'node:assert/strict';
import { test } from 'node:test';
import { phaseOf } from './phase.ts';
import { aClaim, aPort } from './port.fixture.ts';

const now = '2026-01-01T00:00:00Z';

test('phaseOf() tells each stage of a life', () => {
  const released = aClaim('room', { releasedAt: now });
  assert.equal(phaseOf(aPort(1), false, false), 'Cold');
  assert.equal(phaseOf(aPort(1, { spec: { warm: true } }), false, false), 'Provisioning');
  assert.equal(phaseOf(aPort(1, { spec: { warm: true } }), true, false), 'Available');
  assert.equal(phaseOf(aPort(1, { spec: { claim: aClaim('room') } }), false, false), 'Bound');
  assert.equal(phaseOf(aPort(1, { spec: { claim: released } }), true, false), 'Releasing');
  assert.equal(
    phaseOf(aPort(1, { spec: { claim: released }, status: { reuseAfter: now } }), true, false),
    'Quarantined',
  );
  assert.equal(phaseOf(aPort(1, { spec: { retire: true } }), true, false), 'Retiring');
  assert.equal(phaseOf(aPort(1, { spec: { retire: true, claim: aClaim('room') } }), true, false), 'Bound');
  assert.equal(phaseOf(aPort(1), false, true), 'Conflict');
});
