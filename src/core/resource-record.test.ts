import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPort, PortStatus } from '../api/port.ts';
import { nextStep } from './lifecycle.ts';
import { aClaim, aPort } from './port.fixture.ts';
import {
  announceRemoval,
  announceResources,
  recordFound,
  recordListener,
  recordListenerGone,
  recordTargetGroup,
  recordTargetGroupGone,
} from './resource-record.ts';

const portWith = (status: PortStatus, resourceVersion = '10'): NLBPort => {
  const port = aPort(30000, { status });
  return { ...port, metadata: { ...port.metadata, resourceVersion } };
};

const later = '2026-01-01T00:00:10.000Z';

test('each announcement has a name of its own, and one that stands keeps it', () => {
  assert.equal(announceResources(portWith({}, '11')).creating, '11');
  assert.equal(announceResources(portWith({}, '12')).creating, '12');
  assert.equal(announceResources(portWith({ creating: '11' }, '12')).creating, '11');
});

test('a search that another announcement has overtaken is void: what it saw may be gone by now', () => {
  const asked = portWith({ creating: '3' });
  const found = { targetGroupArn: 'tg-1', listenerArn: 'listener-1' };
  assert.equal(recordFound(asked, portWith({}), found, later), undefined);
  assert.equal(recordFound(asked, portWith({ creating: '8' }), found, later), undefined);
});

test('of two target groups with one name neither is forgotten before record and search agree', () => {
  const port = portWith({ creating: '3', targetGroupArn: 'tg-new' });
  const first = recordFound(port, port, { targetGroupArn: 'tg-gone' }, later) ?? {};
  assert.deepEqual([first.targetGroupArn, first.creating, first.lookAfter], ['tg-gone', '3', later]);
  const step = (status: PortStatus, nowMs: number) =>
    nextStep({ port: aPort(30000, { status }), foreign: false, nowMs } as unknown as Parameters<typeof nextStep>[0]);
  const laterMs = Date.parse(later);
  assert.deepEqual(step(first, laterMs - 5_000), { do: 'rest', untilMs: laterMs });
  assert.deepEqual(step(first, laterMs), { do: 'findResources' });
  // A time that a look at targets has left there holds no search up.
  assert.deepEqual(step(first, laterMs - 5_001), { do: 'findResources' });
  const second = recordFound(portWith(first), portWith(first), { targetGroupArn: 'tg-new' }, later) ?? {};
  assert.deepEqual([second.targetGroupArn, second.creating], ['tg-new', '3']);
  const third = recordFound(portWith(second), portWith(second), { targetGroupArn: 'tg-new' }, later) ?? {};
  assert.deepEqual([third.targetGroupArn, third.creating], ['tg-new', undefined]);
});

test('a listener that was found by a search is taken away before the port is provided again', () => {
  const port = portWith({ creating: '3' });
  const status = recordFound(port, port, { targetGroupArn: 'tg-1', listenerArn: 'listener-1' }, later);
  assert.equal(status?.removing, true);
  assert.equal(status?.creating, undefined);
  const bound = aPort(30000, { spec: { claim: aClaim('room') }, status: status ?? {} });
  const settings = { healthCheck: {}, attributes: {}, fingerprints: { healthCheck: 'h', attributes: 'a' } };
  const times = { firstHealthLookMs: 0, drainSlackMs: 0, deregistrationDelayMs: 0, quarantineMs: 0, lateCallMs: 0 };
  const input = { port: bound, settings, foreign: false, nowMs: 0, times } as unknown as Parameters<typeof nextStep>[0];
  assert.equal(nextStep(input).do, 'deleteListener');
});

test('what was made for an announcement that is over is announced anew, so that it is looked for', () => {
  const asked = portWith({ creating: '3', targetGroupArn: 'tg-1' });
  assert.equal(recordListener(asked, portWith({ targetGroupArn: 'tg-1' }), 'listener-1')?.creating, '10');
  const moved = portWith({ creating: '3', targetGroupArn: 'tg-2' });
  assert.equal(recordListener(asked, moved, 'listener-1')?.listenerArn, undefined);
  assert.equal(
    recordTargetGroup(portWith({ creating: '3' }), portWith({}), { targetGroupArn: 'tg-1' })?.creating,
    '10',
  );
});

test('what another operator has written down already is not news', () => {
  const there = portWith({ targetGroupArn: 'tg-1', listenerArn: 'listener-1' });
  const asked = portWith({ creating: '3', targetGroupArn: 'tg-1' });
  assert.equal(recordListener(asked, there, 'listener-1'), undefined);
  assert.equal(recordTargetGroup(portWith({ creating: '3' }), there, { targetGroupArn: 'tg-1' }), undefined);
});

test('the end of one listener or target group says nothing about the next of the same port', () => {
  const asked = portWith({ targetGroupArn: 'tg-1', listenerArn: 'listener-1', removing: true });
  const next = portWith({ targetGroupArn: 'tg-2', listenerArn: 'listener-2' });
  assert.equal(recordListenerGone(asked, next), undefined);
  assert.equal(recordTargetGroupGone(asked, next), undefined);
  assert.deepEqual(recordListenerGone(asked, asked), { targetGroupArn: 'tg-1' });
  assert.deepEqual(recordTargetGroupGone(asked, asked), { inspected: false, targets: [] });
});

test('a removal is not announced under a claim', () => {
  const port = portWith({ listenerArn: 'listener-1' });
  assert.equal(announceRemoval(port)?.removing, true);
  assert.equal(announceRemoval({ ...port, spec: { ...port.spec, claim: aClaim('room') } }), undefined);
});
