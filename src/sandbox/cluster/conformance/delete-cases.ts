import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, lease, pod, widget, widgets } from './samples.ts';

/** Deletion: preconditions, finalizers, grace, collections, namespaces. */
export function deleteCases(api: () => Api): void {
  it('DELETE of a custom resource answers a Status with its uid', async () => {
    const { at, name, post, remove, get } = api();
    const { body } = await post(at(widgets), widget(name('gone')));
    const answer = await remove(at(widgets, body.metadata.name));
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: {
        name: body.metadata.name,
        group: 'conformance.nlbports.dev',
        kind: 'widgets',
        uid: body.metadata.uid,
      },
    });
    assert.equal((await get(at(widgets, body.metadata.name))).status, 404);
  });

  it('DELETE of what is missing answers 404', async () => {
    const { at, remove } = api();
    const answer = await remove(at('configmaps', 'missing'));
    assert.equal(answer.status, 404);
    assert.equal(answer.body.message, 'configmaps "missing" not found');
  });

  it('DELETE with another uid or resourceVersion as precondition answers 409', async () => {
    const { at, name, post, remove } = api();
    const { body } = await post(at('configmaps'), configMap(name('guarded')));
    const path = at('configmaps', body.metadata.name);
    const wrongUid = await remove(path, { preconditions: { uid: '11111111-1111-4111-8111-111111111111' } });
    assert.equal(wrongUid.status, 409);
    assert.equal(wrongUid.body.reason, 'Conflict');
    assert.match(wrongUid.body.message, /the UID in the precondition .* does not match the UID in record/);
    const wrongVersion = await remove(path, { preconditions: { resourceVersion: '1' } });
    assert.equal(wrongVersion.status, 409);
    assert.match(wrongVersion.body.message, /the ResourceVersion in the precondition \(1\) does not match/);
    const right = await remove(path, {
      preconditions: { uid: body.metadata.uid, resourceVersion: body.metadata.resourceVersion },
    });
    assert.equal(right.status, 200);
  });

  it('DELETE of an object with finalizers marks it and keeps it until they are gone', async () => {
    const { at, name, post, remove, get, merge } = api();
    const { body } = await post(at(widgets), widget(name('held'), {}, { finalizers: ['example.com/hold'] }));
    const path = at(widgets, body.metadata.name);
    const answer = await remove(path);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.kind, 'Widget');
    assert.match(answer.body.metadata.deletionTimestamp, /Z$/);
    assert.equal(answer.body.metadata.deletionGracePeriodSeconds, 0);
    assert.equal(answer.body.metadata.generation, 2);
    assert.ok(Number(answer.body.metadata.resourceVersion) > Number(body.metadata.resourceVersion));
    const again = await remove(path);
    assert.equal(again.status, 200);
    assert.equal(again.body.metadata.resourceVersion, answer.body.metadata.resourceVersion);
    assert.equal((await get(path)).status, 200);
    const freed = await merge(path, { metadata: { finalizers: [] } });
    assert.equal(freed.status, 200);
    assert.equal((await get(path)).status, 404);
  });

  it('an object that is being deleted can not be created again', async () => {
    const { at, name, post, remove, merge } = api();
    const object = configMap(name('dying'), {}, { finalizers: ['example.com/hold'] });
    await post(at('configmaps'), object);
    const path = at('configmaps', object.metadata.name);
    await remove(path);
    const answer = await post(at('configmaps'), object);
    assert.equal(answer.status, 409);
    assert.equal(answer.body.reason, 'AlreadyExists');
    assert.match(answer.body.message, /^object is being deleted: /);
    await merge(path, { metadata: { finalizers: null } });
  });

  it('a deletionTimestamp can not be changed or removed by an update', async () => {
    const { at, name, post, remove, merge } = api();
    const { body } = await post(at('configmaps'), configMap(name('time'), {}, { finalizers: ['example.com/hold'] }));
    const path = at('configmaps', body.metadata.name);
    const marked = await remove(path);
    const answer = await merge(path, { metadata: { deletionTimestamp: null, labels: { a: 'b' } } });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.metadata.deletionTimestamp, marked.body.metadata.deletionTimestamp);
    await merge(path, { metadata: { finalizers: null } });
  });

  it('a pod that is bound to a node is deleted with 30 s of grace', async () => {
    const { at, name, post, remove, get } = api();
    const { body } = await post(at('pods'), pod(name('grace'), { nodeName: 'node-1' }));
    const path = at('pods', body.metadata.name);
    const answer = await remove(path);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.kind, 'Pod');
    assert.equal(answer.body.metadata.deletionGracePeriodSeconds, 30);
    const { deletionTimestamp } = answer.body.metadata;
    const graceMs = Date.parse(deletionTimestamp) - Date.parse(body.metadata.creationTimestamp);
    assert.ok(graceMs >= 29_000 && graceMs <= 40_000, String(graceMs));
    assert.equal((await get(path)).body.metadata.deletionTimestamp, deletionTimestamp);
    assert.equal(answer.body.metadata.generation, 2);
    const again = await remove(path);
    assert.equal(again.body.metadata.deletionTimestamp, deletionTimestamp);
    const last = await remove(path, { gracePeriodSeconds: 0 });
    assert.equal(last.status, 200);
    assert.equal((await get(path)).status, 404);
  });

  it("a pod's grace is its own or the one asked for, and can only be shortened", async () => {
    const { at, name, post, remove } = api();
    const { body } = await post(
      at('pods'),
      pod(name('own'), { nodeName: 'node-1', terminationGracePeriodSeconds: 600 }),
    );
    const path = at('pods', body.metadata.name);
    const first = await remove(path);
    assert.equal(first.body.metadata.deletionGracePeriodSeconds, 600);
    const longer = await remove(path, { gracePeriodSeconds: 900 });
    assert.equal(longer.body.metadata.deletionGracePeriodSeconds, 600);
    const shorter = await remove(path, { gracePeriodSeconds: 60 });
    assert.equal(shorter.body.metadata.deletionGracePeriodSeconds, 60);
    assert.ok(Date.parse(shorter.body.metadata.deletionTimestamp) < Date.parse(first.body.metadata.deletionTimestamp));
    await remove(path, { gracePeriodSeconds: 0 });
  });

  it('a pod that is bound to no node, or has ended, is deleted at once', async () => {
    const { at, name, post, remove, get, merge } = api();
    const { body: free } = await post(at('pods'), pod(name('free')));
    const answer = await remove(at('pods', free.metadata.name));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.kind, 'Pod');
    assert.equal((await get(at('pods', free.metadata.name))).status, 404);
    const { body: ended } = await post(at('pods'), pod(name('ended'), { nodeName: 'node-1' }));
    const path = at('pods', ended.metadata.name);
    await merge(`${path}/status`, { status: { phase: 'Succeeded' } });
    await remove(path);
    assert.equal((await get(path)).status, 404);
  });

  it('a watch sees a pod deleted with grace as MODIFIED and then DELETED', async () => {
    const { at, name, post, remove, watch } = api();
    const { body } = await post(at('pods'), pod(name('seen'), { nodeName: 'node-1' }));
    const path = at('pods', body.metadata.name);
    const reader = await watch(
      `${at('pods')}?fieldSelector=metadata.name%3D${body.metadata.name}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await remove(path);
    await remove(path, { gracePeriodSeconds: 0 });
    const lines = await reader.until(line => line.type === 'DELETED');
    reader.close();
    assert.deepEqual(
      lines.map(line => [line.type, line.object.metadata.deletionGracePeriodSeconds]),
      [
        ['MODIFIED', 30],
        ['MODIFIED', 0],
        ['DELETED', 0],
      ],
    );
  });

  it('a watch sees an unbound pod deleted as MODIFIED and then DELETED', async () => {
    const { at, name, post, remove, watch } = api();
    const { body } = await post(at('pods'), pod(name('seen')));
    const reader = await watch(
      `${at('pods')}?fieldSelector=metadata.name%3D${body.metadata.name}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await remove(at('pods', body.metadata.name));
    const lines = await reader.until(line => line.type === 'DELETED');
    reader.close();
    assert.deepEqual(
      lines.map(line => line.type),
      ['MODIFIED', 'DELETED'],
    );
  });

  it('a watch sees the last finalizer go as DELETED with the new version', async () => {
    const { at, name, post, remove, merge, watch } = api();
    const { body } = await post(at(widgets), widget(name('seen'), {}, { finalizers: ['example.com/hold'] }));
    const path = at(widgets, body.metadata.name);
    const reader = await watch(`${at(widgets)}?resourceVersion=${body.metadata.resourceVersion}`);
    const marked = await remove(path);
    await merge(path, { metadata: { finalizers: null } });
    const lines = (
      await reader.until(line => line.type === 'DELETED' && line.object.metadata.uid === body.metadata.uid)
    ).filter(line => line.object.metadata.uid === body.metadata.uid);
    reader.close();
    assert.deepEqual(
      lines.map(line => line.type),
      ['MODIFIED', 'DELETED'],
    );
    assert.ok(Number(lines[1]!.object.metadata.resourceVersion) > Number(marked.body.metadata.resourceVersion));
  });

  it('DELETE with dryRun=All removes nothing', async () => {
    const { at, name, post, remove, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('dry')));
    const path = at('configmaps', body.metadata.name);
    assert.equal((await remove(path, { dryRun: ['All'] })).status, 200);
    assert.equal((await remove(`${path}?dryRun=All`)).status, 200);
    assert.equal((await get(path)).status, 200);
  });

  it('DELETE with an unknown propagationPolicy answers 422', async () => {
    const { at, name, post, remove } = api();
    const { body } = await post(at('configmaps'), configMap(name('policy')));
    const answer = await remove(at('configmaps', body.metadata.name), { propagationPolicy: 'Sideways' });
    assert.equal(answer.status, 422);
    const background = await remove(at('configmaps', body.metadata.name), { propagationPolicy: 'Background' });
    assert.equal(background.status, 200);
  });

  it('DELETE of a collection takes those that the selector names', async () => {
    const { at, name, post, call, get } = api();
    const group = name('collection');
    for (const side of ['a', 'b', 'a'])
      await post(at('configmaps'), configMap(name('item'), {}, { labels: { group, side } }));
    const answer = await call('DELETE', `${at('configmaps')}?labelSelector=group%3D${group},side%3Da`);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.kind, 'ConfigMapList');
    assert.equal(answer.body.items.length, 2);
    const left = await get(`${at('configmaps')}?labelSelector=group%3D${group}`);
    assert.deepEqual(
      left.body.items.map((item: Loose) => item.metadata.labels.side),
      ['b'],
    );
  });

  it('DELETE of the namespace default answers 403, and of all namespaces at once 405', async () => {
    const { call, get } = api();
    const one = await call('DELETE', '/api/v1/namespaces/default');
    assert.equal(one.status, 403);
    assert.equal(one.body.message, 'namespaces "default" is forbidden: this namespace may not be deleted');
    assert.equal((await call('DELETE', '/api/v1/namespaces?labelSelector=none%3Dof-them')).status, 405);
    assert.equal((await get('/api/v1/namespaces/default')).body.metadata.deletionTimestamp, undefined);
    const { resources } = (await get('/api/v1')).body;
    const { verbs } = resources.find((resource: Loose) => resource.name === 'namespaces');
    assert.deepEqual(verbs, ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']);
  });

  it('a namespace that is deleted takes what it holds along and refuses new objects meanwhile', async () => {
    const { name, post, remove, get, eventually, merge } = api();
    const own = name('namespace');
    const made = await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: own } });
    assert.equal(made.status, 201);
    assert.equal(made.body.status.phase, 'Active');
    assert.deepEqual(made.body.spec.finalizers, ['kubernetes']);
    assert.equal(made.body.metadata.labels['kubernetes.io/metadata.name'], own);
    const inside = `/api/v1/namespaces/${own}/configmaps`;
    await post(inside, configMap('held', {}, { finalizers: ['example.com/hold'] }));
    await post(inside, configMap('plain'));
    const answer = await remove(`/api/v1/namespaces/${own}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status.phase, 'Terminating');
    assert.ok(answer.body.metadata.deletionTimestamp);
    const refused = await post(inside, configMap('late'));
    assert.equal(refused.status, 403);
    assert.equal(refused.body.reason, 'Forbidden');
    assert.equal(refused.body.details.causes[0].reason, 'NamespaceTerminating');
    assert.match(refused.body.message, /because it is being terminated/);
    await eventually(async () => (await get(`${inside}/plain`)).status === 404);
    assert.equal((await get(`${inside}/held`)).status, 200);
    assert.equal((await get(`/api/v1/namespaces/${own}`)).status, 200);
    await merge(`${inside}/held`, { metadata: { finalizers: null } });
    await eventually(async () => (await get(`/api/v1/namespaces/${own}`)).status === 404);
  });

  it('the version of a deletion is in the answer of what returns the object', async () => {
    const { at, name, post, remove } = api();
    const { body } = await post(at('leases.coordination.k8s.io/v1'), lease(name('status')));
    const answer = await remove(at('leases.coordination.k8s.io/v1', body.metadata.name));
    assert.equal(answer.body.kind, 'Status');
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: name('account') } };
    await post(at('serviceaccounts'), account);
    const returned = await remove(at('serviceaccounts', account.metadata.name));
    assert.equal(returned.body.kind, 'ServiceAccount');
  });
}
