import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../kube/objects.ts';
import { gameServerOf, mirrorOf, mirrorPatch, nothingMirrored } from './game-server.ts';

const owner = (apiVersion: string, kind: string, controller: boolean) => ({
  apiVersion,
  kind,
  controller,
  name: 'g',
  uid: 'u',
});
const pod = (ownerReferences: ReturnType<typeof owner>[], annotations: Record<string, string> = {}): Pod => ({
  metadata: { name: 'g', ownerReferences, annotations },
  spec: { containers: [] },
});
const endpoint = '/metadata/annotations/nlbports.dev~1endpoint';
const endpoints = '/metadata/annotations/nlbports.dev~1endpoints';
const fence = { op: 'test', path: '/metadata/uid', value: 'u' };

test('gameServerOf() finds the controlling GameServer of agones.dev, and takes nobody else for one', () => {
  const others = [
    owner('apps/v1', 'ReplicaSet', true),
    owner('agones.dev/v1', 'GameServer', false),
    owner('agones.dev/v1', 'Fleet', true),
    owner('notagones.dev/v1', 'GameServer', true),
  ];
  assert.equal(gameServerOf(pod(others)), undefined);
  const gameServer = owner('agones.dev/v1', 'GameServer', true);
  assert.equal(gameServerOf(pod([...others, gameServer])), gameServer);
});

test('mirrorPatch() changes our two annotations alone, and only on the GameServer that was read', () => {
  const wanted = mirrorOf(
    pod([], { 'nlbports.dev/endpoint': 'host:1', 'nlbports.dev/endpoints': '[]', 'nlbports.dev/bound': 'x' }),
  );
  const metadata = {
    name: 'g',
    uid: 'u',
    annotations: { 'agones.dev/sdk-version': '1', 'nlbports.dev/endpoint': 'old' },
  };
  assert.deepEqual(mirrorPatch({ metadata }, wanted), [
    fence,
    { op: 'add', path: endpoint, value: 'host:1' },
    { op: 'add', path: endpoints, value: '[]' },
  ]);
  assert.deepEqual(mirrorPatch({ metadata }, nothingMirrored), [
    fence,
    { op: 'test', path: endpoint, value: 'old' },
    { op: 'remove', path: endpoint },
  ]);
});

test('mirrorPatch() has nothing to do where the GameServer says it already', () => {
  assert.equal(mirrorPatch({ metadata: { name: 'g', uid: 'u' } }, nothingMirrored), undefined);
});

test('mirrorPatch() makes the map of annotations only where it is still missing', () => {
  const patch = mirrorPatch(
    { metadata: { name: 'g', uid: 'u', resourceVersion: '7' } },
    { ...nothingMirrored, 'nlbports.dev/endpoint': 'host:1' },
  );
  assert.deepEqual(patch, [
    fence,
    { op: 'test', path: '/metadata/resourceVersion', value: '7' },
    { op: 'add', path: '/metadata/annotations', value: {} },
    { op: 'add', path: endpoint, value: 'host:1' },
  ]);
});
