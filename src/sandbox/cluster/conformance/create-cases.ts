import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api } from './api.ts';
import { configMap, pod, widget, widgets } from './samples.ts';

/** Creating and reading objects. */
export function createCases(api: () => Api): void {
  it('an apiVersion or a kind that is no text answers 400', async () => {
    const { at, name, post } = api();
    for (const odd of [{ toString: true }, [{ toString: 1 }], 7]) {
      assert.equal((await post(at('configmaps'), { ...configMap(name('odd')), apiVersion: odd })).status, 400);
      assert.equal((await post(at('configmaps'), { ...configMap(name('odd')), kind: odd })).status, 400);
    }
  });

  it('create answers 201 with uid, resourceVersion, creationTimestamp and namespace', async () => {
    const { at, name, post, get, namespace } = api();
    const created = await post(at('configmaps'), configMap(name('made'), { a: '1' }));
    assert.equal(created.status, 201);
    const { metadata } = created.body;
    assert.match(metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(metadata.resourceVersion, /^[1-9]\d*$/);
    assert.match(metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(metadata.namespace, namespace);
    const read = await get(at('configmaps', metadata.name));
    assert.equal(read.status, 200);
    assert.deepEqual(read.body.data, { a: '1' });
    assert.equal(read.body.kind, 'ConfigMap');
    assert.equal(read.body.apiVersion, 'v1');
  });

  it('create drops a uid, a creationTimestamp and a deletionTimestamp that the client sends', async () => {
    const { at, name, post } = api();
    const uid = '11111111-1111-4111-8111-111111111111';
    const time = '2001-01-01T00:00:00Z';
    const created = await post(
      at('configmaps'),
      configMap(
        name('system'),
        {},
        { uid, creationTimestamp: time, deletionTimestamp: time, deletionGracePeriodSeconds: 5 },
      ),
    );
    assert.equal(created.status, 201);
    assert.notEqual(created.body.metadata.uid, uid);
    assert.notEqual(created.body.metadata.creationTimestamp, time);
    assert.equal(created.body.metadata.deletionTimestamp, undefined);
    assert.equal(created.body.metadata.deletionGracePeriodSeconds, undefined);
  });

  it('create of a name that is taken answers 409 AlreadyExists', async () => {
    const { at, name, post } = api();
    const object = configMap(name('twice'));
    await post(at('configmaps'), object);
    const second = await post(at('configmaps'), object);
    assert.equal(second.status, 409);
    assert.equal(second.body.reason, 'AlreadyExists');
    assert.equal(second.body.message, `configmaps "${object.metadata.name}" already exists`);
    assert.deepEqual(second.body.details, { name: object.metadata.name, kind: 'configmaps' });
  });

  it('create with a resourceVersion is refused', async () => {
    const { at, name, post } = api();
    const answer = await post(at('configmaps'), configMap(name('versioned'), {}, { resourceVersion: '5' }));
    assert.equal(answer.status, 500);
    assert.match(answer.body.message, /resourceVersion should not be set on objects to be created/);
  });

  it('create with generateName makes a name of the prefix and five letters', async () => {
    const { at, name, post } = api();
    const prefix = `${name('gen')}-`;
    const object = configMap('', {}, { generateName: prefix });
    delete object.metadata.name;
    const first = await post(at('configmaps'), object);
    const second = await post(at('configmaps'), object);
    assert.equal(first.status, 201);
    assert.match(first.body.metadata.name, /-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.ok(first.body.metadata.name.startsWith(prefix));
    assert.equal(first.body.metadata.generateName, prefix);
    assert.notEqual(first.body.metadata.name, second.body.metadata.name);
  });

  it('create without a name is refused with the field that misses', async () => {
    const { at, post } = api();
    const answer = await post(at('configmaps'), { apiVersion: 'v1', kind: 'ConfigMap' });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.reason, 'Invalid');
    assert.ok(answer.body.details.causes.some((cause: { field: string }) => cause.field === 'metadata.name'));
    assert.match(answer.body.message, /name or generateName is required/);
  });

  it('create with a name that is no RFC 1123 subdomain is refused', async () => {
    const { at, post } = api();
    for (const bad of ['Upper', 'under_score', '-dash', 'a'.repeat(254)]) {
      const answer = await post(at('pods'), pod(bad));
      assert.equal(answer.status, 422, bad);
      assert.equal(answer.body.details.causes[0].field, 'metadata.name');
      assert.equal(answer.body.details.causes[0].reason, 'FieldValueInvalid');
    }
  });

  it('create in a namespace that is missing answers 404 for the namespace', async () => {
    const { post, name } = api();
    const missing = name('nowhere');
    const answer = await post(`/api/v1/namespaces/${missing}/configmaps`, configMap('a'));
    assert.equal(answer.status, 404);
    assert.equal(answer.body.reason, 'NotFound');
    assert.equal(answer.body.message, `namespaces "${missing}" not found`);
    assert.equal(answer.body.details.kind, 'namespaces');
  });

  it('create with another namespace in the body than in the path answers 400', async () => {
    const { at, name, post } = api();
    const answer = await post(at('configmaps'), configMap(name('astray'), {}, { namespace: 'default' }));
    assert.equal(answer.status, 400);
    assert.equal(
      answer.body.message,
      'the namespace of the provided object does not match the namespace sent on the request',
    );
  });

  it('create of another kind or version than the path names answers 400', async () => {
    const { at, name, post } = api();
    const wrongKind = await post(at('configmaps'), { ...configMap(name('kind')), kind: 'Secret' });
    assert.equal(wrongKind.status, 400);
    assert.equal(wrongKind.body.reason, 'BadRequest');
    const wrongVersion = await post(at('configmaps'), { ...configMap(name('version')), apiVersion: 'v2' });
    assert.equal(wrongVersion.status, 400);
  });

  it('create with a body that is no JSON answers 400', async () => {
    const { at, call } = api();
    const answer = await call('POST', at('configmaps'), '{"a":');
    assert.equal(answer.status, 400);
    assert.equal(answer.body.kind, 'Status');
  });

  it('create takes YAML too', async () => {
    const { at, call, name } = api();
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name('yaml')}\ndata:\n  a: "1"\n`;
    const answer = await call('POST', at('configmaps'), body, { 'content-type': 'application/yaml' });
    assert.equal(answer.status, 201);
    assert.deepEqual(answer.body.data, { a: '1' });
  });

  it('create with a content type that nobody knows answers 415', async () => {
    const { at, call, name } = api();
    const answer = await call('POST', at('configmaps'), configMap(name('type')), { 'content-type': 'text/plain' });
    assert.equal(answer.status, 415);
    assert.equal(answer.body.reason, 'UnsupportedMediaType');
  });

  it('create with dryRun=All answers as usual and stores nothing', async () => {
    const { at, name, post, get } = api();
    const dry = name('dry');
    const answer = await post(`${at('configmaps')}?dryRun=All`, configMap(dry));
    assert.equal(answer.status, 201);
    assert.ok(answer.body.metadata.uid);
    assert.equal((await get(at('configmaps', dry))).status, 404);
    assert.equal((await post(`${at('configmaps')}?dryRun=Some`, configMap(dry))).status, 422);
  });

  it('create refuses malformed labels, annotations and finalizers', async () => {
    const { at, name, post } = api();
    const cases = [
      { labels: { 'a b': 'c' } },
      { labels: { a: 'not valid' } },
      { annotations: { '/x': 'c' } },
      { finalizers: ['unqualified'] },
    ];
    for (const metadata of cases) {
      const answer = await post(at('configmaps'), configMap(name('bad'), {}, metadata));
      assert.equal(answer.status, 422, JSON.stringify(metadata));
      assert.ok(answer.body.details.causes[0].field.startsWith(`metadata.${Object.keys(metadata)[0]}`));
    }
    const number = await post(at('configmaps'), configMap(name('bad'), {}, { labels: { a: 1 } }));
    assert.equal(number.status, 400);
  });

  it('create refuses annotations of more than 256 KiB', async () => {
    const { at, name, post } = api();
    const answer = await post(
      at('configmaps'),
      configMap(name('big'), {}, { annotations: { a: 'x'.repeat(263_000) } }),
    );
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].reason, 'FieldValueTooLong');
    assert.match(answer.body.message, /may not be more than 262144 bytes/);
  });

  it('a body above 3 MiB answers 413', async () => {
    const { at, call, name } = api();
    const answer = await call('POST', at('configmaps'), configMap(name('huge'), { a: 'x'.repeat(3_200_000) }));
    assert.equal(answer.status, 413);
    assert.equal(answer.body.reason, 'RequestEntityTooLarge');
  });

  it('reading what is not there answers 404 with group and kind in the details', async () => {
    const { at, get } = api();
    const answer = await get(at(widgets, 'nobody'));
    assert.equal(answer.status, 404);
    assert.deepEqual(answer.body, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'widgets.conformance.nlbports.dev "nobody" not found',
      reason: 'NotFound',
      details: { name: 'nobody', group: 'conformance.nlbports.dev', kind: 'widgets' },
      code: 404,
    });
  });

  it('a resource that is not served answers 404', async () => {
    const { get } = api();
    const answer = await get('/apis/conformance.nlbports.dev/v1/nothings');
    assert.equal(answer.status, 404);
    const group = await get('/apis/nowhere.example.com/v1/things');
    assert.equal(group.status, 404);
    assert.equal(group.body, '404 page not found\n');
  });

  it('an object whose group needs a namespace is not created at the cluster-wide path', async () => {
    const { post, name } = api();
    const answer = await post('/api/v1/configmaps', configMap(name('wide')));
    assert.equal(answer.status, 405);
  });

  it('a label or annotation that is null is an empty string', async () => {
    const { at, name, post } = api();
    const { status, body } = await post(at('configmaps'), configMap(name('null'), {}, { labels: { a: null } }));
    assert.equal(status, 201);
    assert.deepEqual(body.metadata.labels, { a: '' });
  });

  it('a status subresource that a kind has not answers 404', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('status')));
    assert.equal((await get(`${at('configmaps', body.metadata.name)}/status`)).status, 404);
  });

  it('empty metadata maps and lists are not stored', async () => {
    const { at, name, post } = api();
    const answer = await post(
      at(widgets),
      widget(name('empty'), {}, { labels: {}, annotations: {}, finalizers: [], ownerReferences: [] }),
    );
    assert.equal(answer.status, 201);
    for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
      assert.equal(answer.body.metadata[field], undefined, field);
    }
  });
}
