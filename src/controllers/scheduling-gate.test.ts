import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeClient, Patch } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { KubeError } from '../kube/kube-error.ts';
import type { Pod } from '../kube/objects.ts';
import { openSchedulingGate } from './scheduling-gate.ts';

function gatedPod(endpoint: string | undefined): Pod {
  return {
    metadata: {
      name: 'room-1',
      namespace: 'default',
      uid: 'u',
      annotations: endpoint === undefined ? {} : { 'nlbports.dev/endpoint': endpoint },
    },
    spec: { containers: [], schedulingGates: [{ name: 'example.com/other' }, { name: 'nlbports.dev/port' }] },
  };
}

/** An API server that answers every patch with this status, and what it was sent; `live` is the pod's resourceVersion there. */
function server(status: number, live?: string) {
  const sent: Patch[] = [];
  const client = {
    async patch(_resource: unknown, _key: unknown, patch: Patch) {
      sent.push(patch);
      if (status !== 200) throw new KubeError(status, '', '');
      return gatedPod('x');
    },
    async get() {
      const pod = gatedPod('x');
      return { ...pod, metadata: { ...pod.metadata, resourceVersion: live } };
    },
  };
  const deps = { client: client as unknown as KubeClient, pods: { put() {} } as unknown as Informer<Pod> };
  return { deps, sent };
}

test('openSchedulingGate() takes off our gate alone, and not before the endpoint is published', async () => {
  const { deps, sent } = server(200);
  assert.equal(await openSchedulingGate(deps, gatedPod(undefined)), 'done');
  assert.deepEqual(sent, []);
  assert.equal(await openSchedulingGate(deps, gatedPod('game.example.com:30000')), 'done');
  assert.deepEqual(sent, [
    {
      type: 'json',
      operations: [
        { op: 'test', path: '/metadata/uid', value: 'u' },
        { op: 'test', path: '/spec/schedulingGates/1/name', value: 'nlbports.dev/port' },
        { op: 'remove', path: '/spec/schedulingGates/1' },
      ],
    },
  ]);
});

test('openSchedulingGate() says which manifest is missing where it may not patch pods', async () => {
  const outcome = await openSchedulingGate(server(403).deps, gatedPod('game.example.com:30000'));
  assert.ok(typeof outcome === 'object');
  assert.match(outcome.forbidden, /^NLBP-1018: .*deploy\/scheduling-gate\.yaml/);
});

test('openSchedulingGate() looks again where the pod was changed meanwhile, and is done where it is gone', async () => {
  assert.equal(await openSchedulingGate(server(422, '2').deps, gatedPod('game.example.com:30000')), 'again');
  assert.equal(await openSchedulingGate(server(409, '2').deps, gatedPod('game.example.com:30000')), 'again');
  assert.equal(await openSchedulingGate(server(404).deps, gatedPod('game.example.com:30000')), 'done');
});

test('openSchedulingGate() backs off where the patch is refused though nobody has changed the pod', async () => {
  await assert.rejects(openSchedulingGate(server(422).deps, gatedPod('game.example.com:30000')), KubeError);
});
