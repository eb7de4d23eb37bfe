import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPort, PortStatus } from '../api/port.ts';
import { isReady, readyAfter, readyAtMs } from './readiness.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const target = { ip: '10.0.1.5', port: 7777 };
const since = '2026-01-01T00:00:00.000Z';

function port(status: PortStatus, targets = [target]): NLBPort {
  return { metadata: { name: 'nlb-0' }, spec: { targets }, status } as unknown as NLBPort;
}

function seen(
  healthy: 'True' | 'False',
  before?: string,
  state: 'Registered' | 'Registering' = 'Registered',
): PortStatus {
  return {
    targets: [{ ...target, state, since }],
    conditions: [{ type: 'Healthy', status: healthy, reason: 'x', message: '', lastTransitionTime: since }],
    ...(before === undefined ? {} : { readyAfter: before }),
  };
}

const after = (status: PortStatus, nowMs: number, targets = [target]) =>
  readyAfter(port(status, targets), status, 30_000, nowMs);
const inSettle = '2026-01-01T00:00:30.000Z';

test('readyAfter() is the settle time after the first healthy look, and later looks do not move it', () => {
  assert.equal(after(seen('True'), start), inSettle);
  assert.equal(after(seen('True', inSettle), start + 10_000), inSettle);
});

test('readyAfter() begins anew where the target fails a check while it settles', () => {
  assert.equal(after(seen('False', inSettle), start + 29_999), undefined);
  assert.equal(after(seen('True'), start + 60_000), '2026-01-01T00:01:30.000Z');
});

test('readyAfter() stays, once it is past, whatever health checks say', () => {
  assert.equal(after(seen('False', inSettle), start + 30_000), inSettle);
});

test('readyAfter() goes with the target: another address, or none, has to become healthy first', () => {
  const other = [{ ip: '10.0.1.6', port: 7777 }];
  assert.equal(after(seen('True', inSettle), start + 90_000, other), undefined);
  assert.equal(after(seen('True', inSettle), start + 90_000, []), undefined);
  assert.equal(after(seen('True', inSettle, 'Registering'), start + 90_000), undefined);
});

test('isReady() and readyAtMs() agree on the moment', () => {
  const settled = port(seen('True', inSettle));
  assert.equal(isReady(settled, start + 29_999), false);
  assert.equal(readyAtMs(settled, start + 29_999), start + 30_000);
  assert.equal(isReady(settled, start + 30_000), true);
  assert.equal(readyAtMs(settled, start + 30_000), undefined);
  assert.equal(isReady(port(seen('True')), start), false);
  assert.equal(readyAtMs(port(seen('True')), start), undefined);
});

test('isReady() does not take what was said of an earlier target for the present one', () => {
  assert.equal(isReady(port(seen('True', inSettle), [{ ip: '10.0.1.6', port: 7777 }]), start + 90_000), false);
});
