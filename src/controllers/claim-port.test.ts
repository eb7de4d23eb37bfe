import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPort } from '../api/port.ts';
import { aClaim, aPort } from '../core/port.fixture.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { type ClaimPortDeps, confirmHeld } from './claim-port.ts';

/** An API server that holds this object, and takes what it is sent for written. */
function serverWith(live: NLBPort): ClaimPortDeps {
  const client = { patch: async () => live };
  return {
    client: client as unknown as KubeClient,
    ports: { put() {} } as unknown as Informer<NLBPort>,
  } as ClaimPortDeps;
}

const claim = aClaim('room-1');
const held = (endpoint?: string) => aPort(30_000, { spec: { claim }, status: endpoint ? { endpoint } : {} });

test('confirmHeld() holds only where the live object has the endpoint too that is about to be published', async () => {
  const shown = held('play.example.com:30000');
  assert.equal(await confirmHeld(serverWith(shown), claim.uid, shown), true);
  assert.equal(await confirmHeld(serverWith(held()), claim.uid, shown), false);
});
