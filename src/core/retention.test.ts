import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { PortClaim } from '../api/port.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';
import { isKeptFor, retainedUntilMs } from './retention.ts';

const releasedMs = Date.parse('2026-01-01T00:00:00Z');
const goneMs = releasedMs + 10_000;
const at = (ms: number) => new Date(ms).toISOString();

const pool = (retain: string): NLBPortPool => ({
  metadata: { name: 'game' },
  spec: poolSpec.parse({
    loadBalancers: [{ arn: arnOf('a') }],
    ports: { min: 30000, max: 30049 },
    protocol: 'UDP',
    access: { namespaces: ['*'] },
    release: { retain },
  }),
});

const released = (more: Partial<PortClaim> = {}) =>
  aPort(1, { spec: { claim: aClaim('room', { releasedAt: at(releasedMs), ...more }) } });

test('retainedUntilMs() counts from when the claimant was gone, and has no end before', () => {
  assert.equal(retainedUntilMs(released({ goneAt: at(goneMs) }), pool('1m'), false), goneMs + 60_000);
  assert.equal(retainedUntilMs(released(), pool('1m'), false), Number.POSITIVE_INFINITY);
});

test('retainedUntilMs() keeps nothing where the pool keeps nothing, gone or not', () => {
  assert.equal(retainedUntilMs(released({ goneAt: at(goneMs) }), pool('0s'), false), releasedMs);
  assert.equal(retainedUntilMs(released(), pool('0s'), false), releasedMs);
});

test('retainedUntilMs() does not wait for a word on a claimant whose kind nobody here looks after', () => {
  assert.equal(retainedUntilMs(released({ kind: 'GameServer' }), pool('1m'), false), releasedMs + 60_000);
});

test('retainedUntilMs() keeps no port that could not serve the namesake', () => {
  const port = released({ goneAt: at(goneMs) });
  assert.equal(retainedUntilMs(port, pool('1m'), true), releasedMs);
  assert.equal(retainedUntilMs({ ...port, spec: { ...port.spec, retire: true } }, pool('1m'), false), releasedMs);
  const terminating = { ...port, metadata: { ...port.metadata, deletionTimestamp: at(goneMs) } };
  assert.equal(retainedUntilMs(terminating, pool('1m'), false), releasedMs);
});

test('isKeptFor() admits the namesake for the port of the same name, within the time, and nobody else', () => {
  const port = released({ goneAt: at(goneMs) });
  const room = { kind: 'Pod', namespace: 'default', name: 'room' };
  const isKept = (who: Partial<typeof room>, portName: string, nowMs: number) =>
    isKeptFor(port, { ...room, ...who }, portName, pool('1m'), false, nowMs);
  assert.ok(isKept({}, 'default', goneMs + 59_999));
  assert.ok(!isKept({}, 'default', goneMs + 60_000));
  assert.ok(!isKept({}, 'voice', goneMs));
  assert.ok(!isKept({ kind: 'Service' }, 'default', goneMs));
  assert.ok(!isKept({ namespace: 'other' }, 'default', goneMs));
  assert.ok(!isKept({ name: 'room-2' }, 'default', goneMs));
  const held = aPort(1, { spec: { claim: aClaim('room') } });
  assert.ok(!isKeptFor(held, room, 'default', pool('1m'), false, goneMs), 'a claim that was not released');
});
