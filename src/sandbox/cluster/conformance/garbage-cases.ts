import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap } from './samples.ts';

/** Owners and their dependents. */
export function garbageCases(api: () => Api): void {
  const own = (owner: Loose, blockOwnerDeletion = false) => ({
    ownerReferences: [
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        ...(blockOwnerDeletion ? { blockOwnerDeletion } : {}),
      },
    ],
  });
  const pair = async (blocks = false, finalizers: string[] = []) => {
    const { at, name, post } = api();
    const { body: owner } = await post(at('configmaps'), configMap(name('owner')));
    const metadata = { ...own(owner, blocks), ...(finalizers.length > 0 ? { finalizers } : {}) };
    const { body: dependent } = await post(at('configmaps'), configMap(name('owned'), {}, metadata));
    return { owner: at('configmaps', owner.metadata.name), dependent: at('configmaps', dependent.metadata.name) };
  };

  it('what is owned goes after its owner', async () => {
    const { remove, get, eventually } = api();
    const { owner, dependent } = await pair();
    const answer = await remove(owner, { propagationPolicy: 'Background' });
    assert.equal(answer.status, 200);
    assert.equal((await get(owner)).status, 404);
    await eventually(async () => (await get(dependent)).status === 404);
  });

  it('a foreground deletion waits for dependents that block it', async () => {
    const { remove, get, eventually, merge } = api();
    const { owner, dependent } = await pair(true, ['example.com/hold']);
    const answer = await remove(owner, { propagationPolicy: 'Foreground' });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.metadata.finalizers, ['foregroundDeletion']);
    await eventually(async () => (await get(dependent)).body.metadata.deletionTimestamp !== undefined);
    assert.equal((await get(owner)).status, 200);
    await merge(dependent, { metadata: { finalizers: null } });
    await eventually(async () => (await get(owner)).status === 404);
  });

  it('an orphaning deletion leaves the dependents, without their reference', async () => {
    const { remove, get, eventually } = api();
    const { owner, dependent } = await pair();
    await remove(owner, { propagationPolicy: 'Orphan' });
    await eventually(async () => (await get(owner)).status === 404);
    const left = await get(dependent);
    assert.equal(left.status, 200);
    assert.equal(left.body.metadata.ownerReferences, undefined);
  });

  it('an object whose owner is not there is deleted', async () => {
    const { at, name, post, get, eventually } = api();
    const owner = { metadata: { name: 'nobody', uid: '11111111-1111-4111-8111-111111111111' } };
    const { body } = await post(at('configmaps'), configMap(name('orphan'), {}, own(owner)));
    await eventually(async () => (await get(at('configmaps', body.metadata.name))).status === 404);
  });
}
