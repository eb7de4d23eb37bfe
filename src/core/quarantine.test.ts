import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPort, PortStatus } from '../api/port.ts';
import { aClaim, aPort } from './port.fixture.ts';
import { beginQuarantine } from './quarantine.ts';

const nowMs = Date.parse('2026-01-01T00:01:00Z');
const first = '2026-01-01T00:00:10.000Z';
const second = '2026-01-01T00:00:50.000Z';

const released = (releasedAt: string | undefined, status: PortStatus = {}): NLBPort =>
  aPort(30000, { spec: { claim: aClaim('room-1', releasedAt ? { releasedAt } : {}) }, status });

test('a quarantine lasts as long as its pool says, and where a target group is, that is looked at after it', () => {
  const port = released(first);
  const until = '2026-01-01T00:01:20.000Z';
  assert.deepEqual(beginQuarantine(port, port, 20_000, nowMs), { reuseAfter: until, reuseOf: first });
  const made = released(first, { targetGroupArn: 'tg-1' });
  assert.equal(beginQuarantine(made, made, 20_000, nowMs)?.lateLookAfter, until);
});

test('a process that is behind begins no quarantine of another release than the one that it saw', () => {
  assert.equal(beginQuarantine(released(first), released(second), 3_000, nowMs), undefined);
  assert.equal(beginQuarantine(released(first), released(undefined), 3_000, nowMs), undefined);
  assert.equal(beginQuarantine(released(first), aPort(30000), 3_000, nowMs), undefined);
});

test('no quarantine begins while a target is known', () => {
  const port = released(first, { targets: [{ ip: '10.0.1.5', port: 7777, state: 'Draining', since: first }] });
  assert.equal(beginQuarantine(port, port, 3_000, nowMs), undefined);
});

test('of two quarantines of one release the longer one holds', () => {
  const begun = released(first, { reuseAfter: '2026-01-01T00:01:30.000Z', reuseOf: first });
  assert.equal(beginQuarantine(released(first), begun, 3_000, nowMs), undefined);
  assert.equal(beginQuarantine(released(first), begun, 60_000, nowMs)?.reuseAfter, '2026-01-01T00:02:00.000Z');
});

test('a quarantine of the release before does not stand for this one', () => {
  const port = released(second, { reuseAfter: '2026-01-01T00:09:00.000Z', reuseOf: first });
  assert.equal(beginQuarantine(port, port, 3_000, nowMs)?.reuseAfter, '2026-01-01T00:01:03.000Z');
});
