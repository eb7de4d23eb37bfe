import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePorts } from '../api/claim.ts';
import { poolLabel, portsAnnotation, readyCondition } from '../api/names.ts';
import type { Pod } from '../kube/objects.ts';
import { trimPod } from './trim.ts';

const podWith = (annotation: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'room',
    namespace: 'default',
    uid: 'u',
    resourceVersion: '1',
    labels: { [poolLabel]: 'game', app: 'x' },
    annotations: { [portsAnnotation]: annotation, 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  },
  spec: { containers: [{ name: 'game', ports: [{ containerPort: 7777 }], env: [] } as Pod['spec']['containers'][0]] },
  status: {
    phase: 'Running',
    podIP: '10.0.0.1',
    podIPs: [{ ip: '10.0.0.1' }],
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: readyCondition, status: 'False' },
    ],
  },
});

test('trimPod() keeps what the claim controller reads and nothing else', () => {
  assert.deepEqual(trimPod(podWith('7777/UDP')), {
    metadata: {
      name: 'room',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '1',
      labels: { [poolLabel]: 'game' },
      annotations: { [portsAnnotation]: '7777/UDP' },
    },
    spec: { containers: [{ name: 'game', ports: [{ containerPort: 7777 }] }] },
    status: {
      phase: 'Running',
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }],
      conditions: [{ type: readyCondition, status: 'False' }],
    },
  });
});

test('trimPod() shortens an annotation without changing what parsePorts() says of it', () => {
  const unit = fc.constantFrom('7777/UDP', 'a', '€', '😀', ',', 'game=1/TCP');
  const text = fc.tuple(unit, fc.integer({ min: 0, max: 6_000 })).map(([part, count]) => part.repeat(count));
  fc.assert(
    fc.property(text, annotation => {
      const kept = trimPod(podWith(annotation)).metadata.annotations?.[portsAnnotation] ?? '';
      assert.ok(Buffer.byteLength(kept) < 4_200);
      assert.deepEqual(parsePorts(kept), parsePorts(annotation));
    }),
  );
});
