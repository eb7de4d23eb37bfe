import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundAnnotation } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import type { Pod } from '../kube/objects.ts';
import { committedNames, hasEnded, isHeldBy } from './claims.ts';

const podWith = (bound: string | undefined): Pod => ({
  metadata: {
    name: 'room',
    namespace: 'default',
    annotations: bound === undefined ? {} : { [boundAnnotation]: bound },
  },
  spec: { containers: [] },
});
const name = (port: number) => `nlb-0123456789abcdef-${port}`;

test('committedNames() reads the names of NLBPorts and nothing that anyone else may have written', () => {
  assert.deepEqual(committedNames(podWith(undefined)), []);
  assert.deepEqual(committedNames(podWith('')), []);
  assert.deepEqual(committedNames(podWith(`${name(1)},${name(2)},${name(1)}`)), [name(1), name(2)]);
  assert.deepEqual(committedNames(podWith(`../pods, ${name(1)},${name(0)},${name(123456)},NLB-x-1,,`)), []);
  const many = Array.from({ length: 10_000 }, (_, at) => name(at + 1)).join();
  assert.ok(committedNames(podWith(many)).length <= 64);
});

test('isHeldBy() needs the claimant itself, and a claim that was not given up', () => {
  const claim = { kind: 'Pod', namespace: 'default', name: 'room', uid: 'u', portName: 'default', exposed: true };
  const port = (more: object | undefined) =>
    ({ metadata: { name: name(1) }, spec: more && { claim: { ...claim, ...more } } }) as unknown as NLBPort;
  assert.ok(isHeldBy(port({}), 'u'));
  assert.ok(!isHeldBy(port({ uid: 'other' }), 'u'));
  assert.ok(!isHeldBy(port({ releasedAt: '2026-01-01T00:00:00Z' }), 'u'));
  assert.ok(!isHeldBy({ metadata: { name: name(1) }, spec: {} } as unknown as NLBPort, undefined));
});

test('hasEnded() believes the phase alone: a pod on its way out still runs', () => {
  const phase = (text: string): Pod => ({ ...podWith(undefined), status: { phase: text } });
  assert.deepEqual(
    ['Pending', 'Running', 'Unknown', 'Succeeded', 'Failed'].map(text => hasEnded(phase(text))),
    [false, false, false, true, true],
  );
});
