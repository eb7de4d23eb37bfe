import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Answer, Api, Loose } from './api.ts';
import { configMap, pod, widget, widgets } from './samples.ts';

/** Server-side apply and who owns which field. */
export function applyCases(api: () => Api): void {
  const apply = (path: string, body: Loose, manager = 'one', extra = ''): Promise<Answer> =>
    api().call('PATCH', `${path}?fieldManager=${manager}${extra}`, body, {
      'content-type': 'application/apply-patch+yaml',
    });
  const owners = (answer: Answer): Record<string, Loose> =>
    Object.fromEntries(
      (answer.body.metadata.managedFields ?? []).map((entry: Loose) => [
        `${entry.manager} ${entry.operation}`,
        entry.fieldsV1,
      ]),
    );
  const place = (kind = 'configmaps') => {
    const name = api().name('applied');
    return { name, path: api().at(kind, name) };
  };

  it('apply creates what is missing with 201 and notes the owner', async () => {
    const { name, path } = place();
    const answer = await apply(path, configMap(name, { a: '1' }, { labels: { l: 'x' } }));
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.deepEqual(owners(answer), {
      'one Apply': { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
    });
    const [entry] = answer.body.metadata.managedFields;
    assert.equal(entry.apiVersion, 'v1');
    assert.equal(entry.fieldsType, 'FieldsV1');
    assert.match(entry.time, /Z$/);
  });

  it('apply takes YAML', async () => {
    const { name, path } = place();
    const body = `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  a: "1"\n`;
    assert.equal((await apply(path, body)).status, 201);
  });

  it('apply of the same again keeps the resourceVersion', async () => {
    const { name, path } = place();
    const first = await apply(path, configMap(name, { a: '1' }));
    const second = await apply(path, configMap(name, { a: '1' }));
    assert.equal(second.status, 200);
    assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  });

  it('apply takes away what its manager applied before and no longer names', async () => {
    const { name, path } = place();
    await apply(path, configMap(name, { a: '1', b: '2' }, { labels: { l: 'x' } }));
    await apply(path, configMap(name, { c: '3' }), 'two');
    const answer = await apply(path, configMap(name, { a: '1' }));
    assert.deepEqual(answer.body.data, { a: '1', c: '3' });
    assert.equal(answer.body.metadata.labels, undefined);
  });

  it('apply of a field that another manager owns with another value answers 409 with the field', async () => {
    const { name, path } = place();
    await apply(path, configMap(name, { a: '1', b: '1' }));
    const answer = await apply(path, configMap(name, { a: '2' }), 'two');
    assert.equal(answer.status, 409);
    assert.equal(answer.body.reason, 'Conflict');
    assert.equal(answer.body.message, 'Apply failed with 1 conflict: conflict with "one": .data.a');
    assert.deepEqual(answer.body.details.causes, [
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
    ]);
    const both = await apply(path, configMap(name, { a: '2', b: '2' }), 'two');
    assert.equal(both.body.message, 'Apply failed with 2 conflicts: conflicts with "one":\n- .data.a\n- .data.b');
  });

  it('apply of the same value shares the field; force takes it', async () => {
    const { name, path } = place();
    await apply(path, configMap(name, { a: '1' }));
    const shared = await apply(path, configMap(name, { a: '1' }), 'two');
    assert.deepEqual(owners(shared), {
      'one Apply': { 'f:data': { 'f:a': {} } },
      'two Apply': { 'f:data': { 'f:a': {} } },
    });
    const left = await apply(path, configMap(name, {}), 'two');
    assert.deepEqual(left.body.data, { a: '1' });
    const forced = await apply(path, configMap(name, { a: '9' }), 'two', '&force=true');
    assert.deepEqual(forced.body.data, { a: '9' });
    assert.deepEqual(owners(forced), { 'two Apply': { 'f:data': { 'f:a': {} } } });
  });

  it('an update takes ownership of what it changes, and a later apply meets it', async () => {
    const { name, path } = place();
    const { call } = api();
    await apply(path, configMap(name, { a: '1', b: '1' }));
    const merged = await call(
      'PATCH',
      `${path}?fieldManager=three`,
      { data: { a: '2' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    assert.deepEqual(owners(merged), {
      'one Apply': { 'f:data': { 'f:b': {} } },
      'three Update': { 'f:data': { 'f:a': {} } },
    });
    const answer = await apply(path, configMap(name, { a: '1', b: '1' }));
    assert.equal(answer.status, 409);
    assert.match(
      answer.body.message,
      /^Apply failed with 1 conflict: conflict with "three" using v1( at .*)?: \.data\.a$/,
    );
    const agreed = await apply(path, configMap(name, { a: '2', b: '1' }));
    assert.equal(agreed.status, 200);
  });

  it('apply merges list maps by their keys', async () => {
    const { name, path } = place(widgets);
    const first = await apply(path, widget(name, { parts: [{ name: 'x', weight: 2 }] }));
    assert.equal(first.status, 201, JSON.stringify(first.body));
    const bare = (parts: Loose[]) => ({ ...widget(name), spec: { parts } });
    const second = await apply(path, bare([{ name: 'y', weight: 3 }]), 'two');
    assert.equal(second.status, 200, JSON.stringify(second.body));
    assert.deepEqual(second.body.spec.parts, [
      { name: 'x', weight: 2 },
      { name: 'y', weight: 3 },
    ]);
    const conflict = await apply(
      path,
      bare([
        { name: 'x', weight: 4 },
        { name: 'y', weight: 3 },
      ]),
      'two',
    );
    assert.equal(conflict.status, 409);
    assert.equal(conflict.body.details.causes[0].field, '.spec.parts[name="x"].weight');
    const gone = await apply(path, bare([]), 'two');
    assert.deepEqual(gone.body.spec.parts, [{ name: 'x', weight: 2 }]);
  });

  it('apply to status owns status alone', async () => {
    const { name, path } = place(widgets);
    await apply(path, widget(name));
    const body = { ...widget(name), spec: undefined, status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    const answer = await apply(`${path}/status`, body, 'two');
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.status.conditions[0].status, 'True');
    const entry = answer.body.metadata.managedFields.find((item: Loose) => item.manager === 'two');
    assert.equal(entry.subresource, 'status');
    assert.deepEqual(Object.keys(entry.fieldsV1), ['f:status']);
  });

  it("apply to a pod's status sets one condition and leaves the others", async () => {
    const { at, name, post, strategic } = api();
    const { body } = await post(at('pods'), pod(name('applied')));
    const path = `${at('pods', body.metadata.name)}/status`;
    await strategic(path, { status: { conditions: [{ type: 'A', status: 'True' }] } });
    const answer = await apply(path, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: body.metadata.name },
      status: { conditions: [{ type: 'nlbports.dev/ready', status: 'False' }] },
    });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.status.conditions.map((item: Loose) => item.type).sort(), ['A', 'nlbports.dev/ready']);
  });

  it('apply wants a fieldManager, a name, a kind, and no managedFields', async () => {
    const { name, path } = place();
    const { call } = api();
    const type = { 'content-type': 'application/apply-patch+yaml' };
    const anonymous = await call('PATCH', path, configMap(name), type);
    assert.equal(anonymous.status, 422);
    assert.equal(anonymous.body.details.causes[0].field, 'fieldManager');
    assert.equal((await apply(path, { data: {} })).status, 400);
    assert.equal((await apply(path, { apiVersion: 'v1', kind: 'ConfigMap' })).status, 400);
    const owned = configMap(name, {}, { managedFields: [{ manager: 'x', operation: 'Apply', apiVersion: 'v1' }] });
    assert.equal((await apply(path, owned)).status, 400);
    assert.equal((await apply(path, configMap('other'))).status, 400);
  });

  it('apply with a resourceVersion that is old answers 409, with a uid that is wrong too', async () => {
    const { name, path } = place();
    const first = await apply(path, configMap(name, { a: '1' }));
    await apply(path, configMap(name, { a: '2' }));
    const stale = await apply(
      path,
      configMap(name, { a: '3' }, { resourceVersion: first.body.metadata.resourceVersion }),
    );
    assert.equal(stale.status, 409);
    const missing = place();
    const uid = '11111111-1111-4111-8111-111111111111';
    const wrong = await apply(missing.path, configMap(missing.name, {}, { uid }));
    assert.equal(wrong.status, 409);
    assert.match(wrong.body.message, /uid mismatch/);
  });

  it('apply is judged by schema and rules, and dry runs store nothing', async () => {
    const { name, path } = place(widgets);
    assert.equal((await apply(path, widget(name, { size: 500 }))).status, 422);
    const dry = await apply(path, widget(name), 'one', '&dryRun=All');
    assert.equal(dry.status, 201);
    assert.equal((await api().get(path)).status, 404);
  });

  it('create and PUT note their manager as one that updates', async () => {
    const { at, name, call } = api();
    const made = await call('POST', `${at('configmaps')}?fieldManager=maker`, configMap(name('owned'), { a: '1' }));
    const entry = made.body.metadata.managedFields[0];
    assert.equal(entry.manager, 'maker');
    assert.equal(entry.operation, 'Update');
    assert.deepEqual(entry.fieldsV1['f:data']['f:a'], {});
    const put = await call('PUT', `${at('configmaps', made.body.metadata.name)}?fieldManager=putter`, {
      ...made.body,
      data: { a: '1', b: '2' },
    });
    const putter = put.body.metadata.managedFields.find((item: Loose) => item.manager === 'putter');
    assert.deepEqual(putter.fieldsV1, { 'f:data': { 'f:b': {} } });
  });
}
