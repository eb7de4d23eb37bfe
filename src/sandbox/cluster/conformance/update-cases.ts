import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api } from './api.ts';
import { configMap, lease, pod, widget, widgets } from './samples.ts';

/** PUT, resourceVersion and the status subresource. */
export function updateCases(api: () => Api): void {
  it('PUT with the current resourceVersion stores and gives a higher one', async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at('configmaps'), configMap(name('put'), { a: '1' }));
    const answer = await put(at('configmaps', body.metadata.name), { ...body, data: { a: '2' } });
    assert.equal(answer.status, 200);
    assert.ok(Number(answer.body.metadata.resourceVersion) > Number(body.metadata.resourceVersion));
    assert.equal(answer.body.metadata.uid, body.metadata.uid);
    assert.deepEqual(answer.body.data, { a: '2' });
  });

  it('PUT with an old resourceVersion answers 409 Conflict', async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at('configmaps'), configMap(name('stale'), { a: '1' }));
    const path = at('configmaps', body.metadata.name);
    await put(path, { ...body, data: { a: '2' } });
    const answer = await put(path, { ...body, data: { a: '3' } });
    assert.equal(answer.status, 409);
    assert.equal(answer.body.reason, 'Conflict');
    assert.equal(
      answer.body.message,
      `Operation cannot be fulfilled on configmaps "${body.metadata.name}": the object has been modified; please apply your changes to the latest version and try again`,
    );
    assert.deepEqual(answer.body.details, { name: body.metadata.name, kind: 'configmaps' });
  });

  it('PUT without a resourceVersion overwrites a ConfigMap', async () => {
    const { at, name, post, put } = api();
    const object = configMap(name('blind'), { a: '1' });
    await post(at('configmaps'), object);
    const answer = await put(at('configmaps', object.metadata.name), { ...object, data: { a: '2' } });
    assert.equal(answer.status, 200);
  });

  it('PUT without a resourceVersion is refused for custom resources and Leases', async () => {
    const { at, name, post, put } = api();
    const object = widget(name('blind'));
    await post(at(widgets), object);
    const answer = await put(at(widgets, object.metadata.name), object);
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].field, 'metadata.resourceVersion');
    assert.match(answer.body.message, /must be specified for an update/);
    const held = lease(name('blind'));
    await post(at('leases.coordination.k8s.io/v1'), held);
    const leaseAnswer = await put(at('leases.coordination.k8s.io/v1', held.metadata.name), held);
    assert.equal(leaseAnswer.status, 422);
  });

  it('PUT of what has not changed keeps the resourceVersion', async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at('configmaps'), configMap(name('same'), { a: '1' }));
    const answer = await put(at('configmaps', body.metadata.name), body);
    assert.equal(answer.body.metadata.resourceVersion, body.metadata.resourceVersion);
  });

  it('PUT to what is missing answers 404, but creates a Lease', async () => {
    const { at, name, put } = api();
    const missing = name('missing');
    assert.equal((await put(at('configmaps', missing), configMap(missing))).status, 404);
    const answer = await put(at('leases.coordination.k8s.io/v1', missing), lease(missing));
    assert.equal(answer.status, 201);
  });

  it('PUT with another name in the body than in the path answers 400', async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at('configmaps'), configMap(name('named')));
    const answer = await put(at('configmaps', body.metadata.name), configMap('other'));
    assert.equal(answer.status, 400);
    assert.equal(
      answer.body.message,
      `the name of the object (other) does not match the name on the URL (${body.metadata.name})`,
    );
  });

  it('PUT with another uid answers 409 with the precondition', async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at('configmaps'), configMap(name('uid')));
    const uid = '11111111-1111-4111-8111-111111111111';
    const answer = await put(at('configmaps', body.metadata.name), configMap(body.metadata.name, {}, { uid }));
    assert.equal(answer.status, 409);
    assert.match(answer.body.message, new RegExp(`Precondition failed: UID in precondition: ${uid}`));
  });

  it("an update can not change creationTimestamp, and generation is the server's", async () => {
    const { at, name, post, put } = api();
    const { body } = await post(at(widgets), widget(name('times')));
    const answer = await put(at(widgets, body.metadata.name), {
      ...body,
      metadata: { ...body.metadata, creationTimestamp: '2001-01-01T00:00:00Z', generation: 77 },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.metadata.creationTimestamp, body.metadata.creationTimestamp);
    assert.equal(answer.body.metadata.generation, 1);
  });

  it('PUT with dryRun=All changes nothing', async () => {
    const { at, name, post, put, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('dry'), { a: '1' }));
    const path = at('configmaps', body.metadata.name);
    const answer = await put(`${path}?dryRun=All`, { ...body, data: { a: '2' } });
    assert.deepEqual(answer.body.data, { a: '2' });
    assert.deepEqual((await get(path)).body.data, { a: '1' });
  });

  it("a custom resource's generation grows with its spec, not with metadata or status", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at(widgets), widget(name('generation')));
    const path = at(widgets, body.metadata.name);
    assert.equal(body.metadata.generation, 1);
    assert.equal((await merge(path, { metadata: { labels: { a: 'b' } } })).body.metadata.generation, 1);
    assert.equal((await merge(`${path}/status`, { status: { phase: 'New' } })).body.metadata.generation, 1);
    assert.equal((await merge(path, { spec: { size: 2 } })).body.metadata.generation, 2);
  });

  it("a custom resource's main resource ignores status, on create too", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at(widgets), { ...widget(name('status')), status: { phase: 'Forged' } });
    assert.equal(body.status, undefined);
    const path = at(widgets, body.metadata.name);
    await merge(`${path}/status`, { status: { phase: 'True' } });
    const answer = await merge(path, { status: { phase: 'Forged' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status.phase, 'True');
  });

  it("a custom resource's status subresource changes status only, not spec, labels or finalizers", async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at(widgets), widget(name('only')));
    const answer = await merge(`${at(widgets, body.metadata.name)}/status`, {
      metadata: { labels: { a: 'b' }, annotations: { a: 'b' }, finalizers: ['example.com/x'] },
      spec: { size: 50 },
      status: { phase: 'Done' },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.spec.size, 1);
    assert.equal(answer.body.metadata.labels, undefined);
    assert.equal(answer.body.metadata.annotations, undefined);
    assert.equal(answer.body.metadata.finalizers, undefined);
    assert.equal(answer.body.status.phase, 'Done');
  });

  it('a PUT to status with an old resourceVersion answers 409', async () => {
    const { at, name, post, put, merge } = api();
    const { body } = await post(at(widgets), widget(name('stale')));
    const path = at(widgets, body.metadata.name);
    await merge(path, { spec: { size: 3 } });
    const answer = await put(`${path}/status`, { ...body, status: { phase: 'Late' } });
    assert.equal(answer.status, 409);
  });

  it('a status that breaks the schema is refused with its field', async () => {
    const { at, name, post, merge } = api();
    const { body } = await post(at(widgets), widget(name('schema')));
    const answer = await merge(`${at(widgets, body.metadata.name)}/status`, {
      status: { conditions: [{ type: 'Ready', status: 'Perhaps' }] },
    });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].field, 'status.conditions[0].status');
    assert.equal(answer.body.details.causes[0].reason, 'FieldValueNotSupported');
  });

  it('a definition without a status subresource lets the main resource write status', async () => {
    const { post, name, remove, get } = api();
    const gadget = {
      apiVersion: 'conformance.nlbports.dev/v1',
      kind: 'Gadget',
      metadata: { name: name('gadget') },
      status: { phase: 'Mine' },
    };
    const path = '/apis/conformance.nlbports.dev/v1/gadgets';
    const answer = await post(path, gadget);
    assert.equal(answer.status, 201);
    assert.equal(answer.body.status.phase, 'Mine');
    assert.equal((await get(`${path}/${gadget.metadata.name}/status`)).status, 404);
    await remove(`${path}/${gadget.metadata.name}`);
  });

  it('GET of status answers the whole object', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('pods'), pod(name('status')));
    const answer = await get(`${at('pods', body.metadata.name)}/status`);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.kind, 'Pod');
    assert.ok(answer.body.spec);
  });

  it('new finalizers are refused once an object is being deleted, taking one off is not', async () => {
    const { at, name, post, merge, remove, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('dying'), {}, { finalizers: ['example.com/a'] }));
    const path = at('configmaps', body.metadata.name);
    await remove(path);
    const refused = await merge(path, { metadata: { finalizers: ['example.com/a', 'example.com/b'] } });
    assert.equal(refused.status, 422);
    assert.equal(refused.body.details.causes[0].field, 'metadata.finalizers');
    assert.equal(refused.body.details.causes[0].reason, 'FieldValueForbidden');
    const last = await merge(path, { metadata: { finalizers: null } });
    assert.equal(last.status, 200);
    assert.equal((await get(path)).status, 404);
  });
}
