import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configMap } from './conformance/samples.ts';
import { testCluster } from './test-cluster.fixture.ts';

const applied = { 'content-type': 'application/apply-patch+yaml' };

// Each took a minute or longer while something in it grew with the square of the size; now it is a second or two.
describe('large objects', { timeout: 20_000 }, () => {
  it('are created and applied with the owners of their fields noted', async () => {
    const { api, cluster } = testCluster({ options: { managedFields: true } });
    const data = (value: string) => Object.fromEntries(Array.from({ length: 25_000 }, (_, n) => [`k${n}`, value]));
    assert.equal((await api.post(api.at('configmaps'), configMap('a', data('1')))).status, 201);
    const path = `${api.at('configmaps', 'a')}?fieldManager=other`;
    const refused = await api.call('PATCH', path, configMap('a', data('2')), applied);
    assert.equal(refused.body.details.causes.length, 25_000);
    await cluster.stop();
  });

  it('have long lists merged', async () => {
    const { api, cluster } = testCluster();
    const owners = (uid: string) =>
      Array.from({ length: 10_000 }, (_, n) => ({ apiVersion: 'v1', kind: 'X', name: `n${n}`, uid: `${uid}${n}` }));
    await api.post(api.at('configmaps'), configMap('a', {}, { ownerReferences: owners('a') }));
    const merged = await api.strategic(api.at('configmaps', 'a'), { metadata: { ownerReferences: owners('b') } });
    assert.equal(merged.body.metadata.ownerReferences.length, 20_000);
    await cluster.stop();
  });
});
