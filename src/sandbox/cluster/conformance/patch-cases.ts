import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, pod, widget, widgets } from './samples.ts';

/** JSON, merge and strategic merge patches. */
export function patchCases(api: () => Api): void {
  const madeConfigMap = async (data: Record<string, string>, metadata: Loose = {}) => {
    const { at, name, post } = api();
    const { body } = await post(at('configmaps'), configMap(name('patched'), data, metadata));
    return { path: at('configmaps', body.metadata.name), body };
  };
  const madeWidget = async (spec: Loose, metadata: Loose = {}) => {
    const { at, name, post } = api();
    const { body } = await post(at(widgets), widget(name('patched'), spec, metadata));
    assert.ok(body.metadata?.name, JSON.stringify(body));
    return { path: at(widgets, body.metadata.name), body };
  };

  it('a merge patch sets, replaces and removes by null', async () => {
    const { path } = await madeConfigMap({ a: '1', b: '2' });
    const answer = await api().merge(path, { data: { a: null, b: '3', c: '4' } });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body.data, { b: '3', c: '4' });
  });

  it('a merge patch that changes nothing keeps the resourceVersion', async () => {
    const { path, body } = await madeConfigMap({ a: '1' });
    const answer = await api().merge(path, { data: { a: '1', z: null } });
    assert.equal(answer.body.metadata.resourceVersion, body.metadata.resourceVersion);
  });

  it('a merge patch with an old resourceVersion answers 409, with the current one it lands', async () => {
    const { path, body } = await madeWidget({});
    const { merge } = api();
    const first = await merge(path, {
      metadata: { resourceVersion: body.metadata.resourceVersion },
      spec: { size: 2 },
    });
    assert.equal(first.status, 200);
    const second = await merge(path, {
      metadata: { resourceVersion: body.metadata.resourceVersion },
      spec: { size: 3 },
    });
    assert.equal(second.status, 409);
    assert.equal(second.body.reason, 'Conflict');
    assert.deepEqual(second.body.details, {
      name: body.metadata.name,
      group: 'conformance.nlbports.dev',
      kind: 'widgets',
    });
  });

  it('of several merge patches with one resourceVersion exactly one lands', async () => {
    const { path, body } = await madeWidget({});
    const { resourceVersion } = body.metadata;
    const answers = await Promise.all(
      [2, 3, 4, 5].map(size => api().merge(path, { metadata: { resourceVersion }, spec: { size } })),
    );
    assert.deepEqual(answers.map(answer => answer.status).sort(), [200, 409, 409, 409]);
  });

  it('a patch with another metadata.uid answers 422: the field is immutable', async () => {
    const uid = '11111111-1111-4111-8111-111111111111';
    const { path } = await madeWidget({});
    const answer = await api().merge(path, { metadata: { uid }, spec: { size: 2 } });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.reason, 'Invalid');
    assert.equal(answer.body.details.causes[0].field, 'metadata.uid');
    assert.match(answer.body.message, /field is immutable/);
  });

  it("a patch of a pod's status with another metadata.uid answers 422 as well", async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('uid')));
    const answer = await strategic(`${at('pods', body.metadata.name)}/status`, {
      metadata: { uid: '11111111-1111-4111-8111-111111111111', annotations: { a: 'b' } },
    });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.details.causes[0].field, 'metadata.uid');
  });

  it("a patch of a custom resource's status takes no notice of a wrong metadata.uid", async () => {
    const { path } = await madeWidget({});
    const answer = await api().merge(`${path}/status`, {
      metadata: { uid: '11111111-1111-4111-8111-111111111111' },
      status: { phase: 'Seen' },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.status.phase, 'Seen');
  });

  it('a patch that names another object answers 400', async () => {
    const { path } = await madeConfigMap({});
    const answer = await api().merge(path, { metadata: { name: 'other' } });
    assert.equal(answer.status, 400);
  });

  it('a merge patch that is no object answers 400', async () => {
    const { path } = await madeConfigMap({});
    assert.equal((await api().merge(path, [1])).status, 400);
    assert.equal((await api().merge(path, '{')).status, 400);
  });

  it('a patch of what is missing answers 404', async () => {
    const { at, merge } = api();
    assert.equal((await merge(at('configmaps', 'missing'), { data: {} })).status, 404);
  });

  it('a patch of an unknown type answers 415 and names the types', async () => {
    const { path } = await madeWidget({});
    const answer = await api().call('PATCH', path, {}, { 'content-type': 'application/json' });
    assert.equal(answer.status, 415);
    assert.match(answer.body.message, /application\/json-patch\+json, application\/merge-patch\+json/);
  });

  it('a strategic merge patch of a custom resource answers 415', async () => {
    const { path } = await madeWidget({});
    const answer = await api().strategic(path, { spec: { size: 2 } });
    assert.equal(answer.status, 415);
    assert.equal(answer.body.reason, 'UnsupportedMediaType');
  });

  it('a JSON patch tests, adds, replaces, removes, copies and moves', async () => {
    const { path } = await madeWidget({ tags: ['a', 'b'], labels: { x: '1' } });
    const answer = await api().json(path, [
      { op: 'test', path: '/spec/size', value: 1 },
      { op: 'add', path: '/spec/tags/1', value: 'm' },
      { op: 'remove', path: '/spec/tags/0' },
      { op: 'add', path: '/spec/tags/-', value: 'z' },
      { op: 'replace', path: '/spec/size', value: 9 },
      { op: 'copy', from: '/spec/labels/x', path: '/spec/labels/y' },
      { op: 'move', from: '/spec/labels/x', path: '/spec/labels/a~1b' },
    ]);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.spec.tags, ['m', 'b', 'z']);
    assert.deepEqual(answer.body.spec.labels, { y: '1', 'a/b': '1' });
    assert.equal(answer.body.spec.size, 9);
  });

  it('a JSON patch whose test fails answers 422 Invalid and changes nothing', async () => {
    const { path, body } = await madeWidget({ owner: 'me' });
    const { json, get } = api();
    const answer = await json(path, [
      { op: 'replace', path: '/spec/size', value: 5 },
      { op: 'test', path: '/spec/owner', value: 'you' },
    ]);
    assert.equal(answer.status, 422);
    assert.equal(answer.body.reason, 'Invalid');
    assert.equal(answer.body.message, 'the server rejected our request due to an error in our request');
    assert.equal((await get(path)).body.metadata.resourceVersion, body.metadata.resourceVersion);
  });

  it('a JSON patch test for null passes where the field is missing, and fails where it is not', async () => {
    const { path } = await madeWidget({ claim: { namespace: 'a' } });
    const { json } = api();
    const missing = await json(path, [
      { op: 'test', path: '/spec/claim/name', value: null },
      { op: 'replace', path: '/spec/size', value: 2 },
    ]);
    assert.equal(missing.status, 200, JSON.stringify(missing.body));
    const there = await json(path, [{ op: 'test', path: '/spec/claim/namespace', value: null }]);
    assert.equal(there.status, 422);
  });

  it('a JSON patch test below a parent that is missing fails', async () => {
    const { path } = await madeWidget({});
    const { json } = api();
    const answer = await json(path, [{ op: 'test', path: '/spec/claim/name', value: null }]);
    assert.equal(answer.status, 422);
    const value = await json(path, [{ op: 'test', path: '/spec/claim/name', value: 'x' }]);
    assert.equal(value.status, 422);
  });

  it('a JSON patch on paths that are missing answers 422', async () => {
    const { path } = await madeWidget({});
    const { json } = api();
    for (const operation of [
      { op: 'remove', path: '/spec/owner' },
      { op: 'replace', path: '/spec/nowhere/deep', value: 'x' },
      { op: 'add', path: '/spec/nowhere/deep', value: 'x' },
      { op: 'add', path: '/spec/tags/0', value: 'x' },
    ]) {
      const answer = await json(path, [operation]);
      assert.equal(answer.status, 422, `${JSON.stringify(operation)} ${JSON.stringify(answer.body)}`);
    }
  });

  it('a JSON patch replaces a field that is missing, as if it were added', async () => {
    const { path } = await madeWidget({});
    const answer = await api().json(path, [{ op: 'replace', path: '/spec/owner', value: 'x' }]);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.spec.owner, 'x');
  });

  it('a JSON patch reaches lists by index, from the end too, and not beyond them', async () => {
    const { path } = await madeWidget({ tags: ['a', 'b'] });
    const { json } = api();
    assert.equal((await json(path, [{ op: 'test', path: '/spec/tags/5', value: null }])).status, 422);
    assert.equal((await json(path, [{ op: 'add', path: '/spec/tags/3', value: 'x' }])).status, 422);
    assert.equal((await json(path, [{ op: 'remove', path: '/spec/tags/2' }])).status, 422);
    const last = await json(path, [{ op: 'replace', path: '/spec/tags/-1', value: 'z' }]);
    assert.deepEqual(last.body.spec.tags, ['a', 'z']);
  });

  it('a JSON patch that adds to the whole document answers 422', async () => {
    const { path, body } = await madeWidget({});
    assert.equal((await api().json(path, [{ op: 'add', path: '', value: body }])).status, 422);
  });

  it('a JSON patch that is no list answers 400', async () => {
    const { path } = await madeWidget({});
    assert.equal((await api().json(path, { op: 'add' })).status, 400);
  });

  it('a JSON patch can test the resourceVersion', async () => {
    const { path, body } = await madeWidget({});
    const { json } = api();
    const operations = [
      { op: 'test', path: '/metadata/resourceVersion', value: body.metadata.resourceVersion },
      { op: 'replace', path: '/spec/size', value: 2 },
    ];
    assert.equal((await json(path, operations)).status, 200);
    assert.equal((await json(path, operations)).status, 422);
  });

  it("a strategic merge patch merges a pod's conditions by type and sets annotations with them", async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('merged')));
    const path = `${at('pods', body.metadata.name)}/status`;
    const time = '2026-01-01T00:00:00Z';
    const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: time });
    await strategic(path, { status: { conditions: [condition('A', 'True'), condition('B', 'False')] } });
    const answer = await strategic(path, {
      metadata: { annotations: { 'nlbports.dev/endpoint': 'x:1' }, resourceVersion: undefined },
      status: { conditions: [condition('B', 'True'), condition('nlbports.dev/ready', 'False')] },
    });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.metadata.annotations['nlbports.dev/endpoint'], 'x:1');
    const found = Object.fromEntries(answer.body.status.conditions.map((item: Loose) => [item.type, item.status]));
    assert.deepEqual(found, { A: 'True', B: 'True', 'nlbports.dev/ready': 'False' });
    const again = await strategic(path, { status: { conditions: [condition('B', 'True')] } });
    assert.equal(again.body.metadata.resourceVersion, answer.body.metadata.resourceVersion);
  });

  it('a strategic merge patch deletes an item of a merged list', async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('delete')));
    const path = `${at('pods', body.metadata.name)}/status`;
    await strategic(path, {
      status: {
        conditions: [
          { type: 'A', status: 'True' },
          { type: 'B', status: 'True' },
        ],
      },
    });
    const answer = await strategic(path, { status: { conditions: [{ $patch: 'delete', type: 'A' }] } });
    assert.deepEqual(
      answer.body.status.conditions.map((item: Loose) => item.type),
      ['B'],
    );
  });

  it('a strategic merge patch replaces whole lists and maps by $patch: replace', async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('configmaps'), configMap(name('replace'), { a: '1', b: '2' }));
    const answer = await strategic(at('configmaps', body.metadata.name), { data: { $patch: 'replace', c: '3' } });
    assert.deepEqual(answer.body.data, { c: '3' });
  });

  it('a strategic merge patch puts items in the order of $setElementOrder', async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('order')));
    const path = `${at('pods', body.metadata.name)}/status`;
    await strategic(path, { status: { conditions: ['A', 'B', 'C'].map(type => ({ type, status: 'True' })) } });
    const answer = await strategic(path, {
      status: {
        '$setElementOrder/conditions': [{ type: 'C' }, { type: 'A' }],
        conditions: [{ type: 'A', status: 'False' }],
      },
    });
    assert.deepEqual(
      answer.body.status.conditions.map((item: Loose) => `${item.type}${item.status}`),
      ['BTrue', 'CTrue', 'AFalse'],
    );
  });

  it('a strategic merge patch merges finalizers as a set and takes one off by $deleteFromPrimitiveList', async () => {
    const { path } = await madeConfigMap({}, { finalizers: ['example.com/a'] });
    const { strategic } = api();
    const added = await strategic(path, { metadata: { finalizers: ['example.com/b'] } });
    assert.deepEqual(added.body.metadata.finalizers.sort(), ['example.com/a', 'example.com/b']);
    const taken = await strategic(path, { metadata: { '$deleteFromPrimitiveList/finalizers': ['example.com/a'] } });
    assert.deepEqual(taken.body.metadata.finalizers, ['example.com/b']);
    await strategic(path, { metadata: { finalizers: null } });
  });

  it('a strategic merge patch replaces lists that have no merge key', async () => {
    const { at, name, post, strategic } = api();
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: name('slice') },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [{ name: 'a', port: 1, protocol: 'TCP' }],
    };
    await post(at('endpointslices.discovery.k8s.io/v1'), slice);
    const answer = await strategic(at('endpointslices.discovery.k8s.io/v1', slice.metadata.name), {
      endpoints: [{ addresses: ['10.0.0.2'] }],
    });
    assert.deepEqual(
      answer.body.endpoints.map((item: Loose) => item.addresses[0]),
      ['10.0.0.2'],
    );
  });

  it('a patch with dryRun=All changes nothing', async () => {
    const { path, body } = await madeWidget({});
    const { merge, get } = api();
    const answer = await merge(`${path}?dryRun=All`, { spec: { size: 7 } });
    assert.equal(answer.body.spec.size, 7);
    assert.equal((await get(path)).body.metadata.resourceVersion, body.metadata.resourceVersion);
  });

  it('a patch may carry a fieldManager', async () => {
    const { path } = await madeWidget({});
    assert.equal((await api().merge(`${path}?fieldManager=conformance`, { spec: { size: 7 } })).status, 200);
  });
}
