import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, pod, widget, widgets } from './samples.ts';

const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
const partial = { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' };
const partialList = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
const columnsOf = (body: Loose): string[] => body.columnDefinitions.map((column: Loose) => column.name);

/** Tables, as kubectl prints them, and metadata alone. */
export function tableCases(api: () => Api): void {
  it("a table of custom resources has the definition's columns and cells", async () => {
    const { at, name, post, merge, get } = api();
    const group = name('table');
    const { body } = await post(at(widgets), widget(name('w'), { size: 7 }, { labels: { group } }));
    await merge(`${at(widgets, body.metadata.name)}/status`, {
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const answer = await get(`${at(widgets)}?labelSelector=group%3D${group}`, table);
    assert.equal(answer.body.kind, 'Table');
    assert.equal(answer.body.apiVersion, 'meta.k8s.io/v1');
    assert.deepEqual(columnsOf(answer.body), ['Name', 'Size', 'Ready', 'Age']);
    const [row] = answer.body.rows;
    assert.deepEqual(row.cells.slice(0, 3), [body.metadata.name, 7, 'True']);
    assert.match(row.cells[3], /^\d+s$/);
    assert.equal(row.object.kind, 'PartialObjectMetadata');
    assert.equal(row.object.metadata.name, body.metadata.name);
    assert.match(answer.body.metadata.resourceVersion, /^\d+$/);
  });

  it('tables of pods, config maps, namespaces, services and leases have the usual columns', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('pods'), pod(name('p')));
    const expected: [string, string[]][] = [
      [at('pods'), ['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node', 'Nominated Node', 'Readiness Gates']],
      [at('configmaps'), ['Name', 'Data', 'Age']],
      [at('secrets'), ['Name', 'Type', 'Data', 'Age']],
      ['/api/v1/namespaces', ['Name', 'Status', 'Age']],
      [at('services'), ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)', 'Age', 'Selector']],
      [at('leases.coordination.k8s.io/v1'), ['Name', 'Holder', 'Age']],
      [at('endpointslices.discovery.k8s.io/v1'), ['Name', 'AddressType', 'Ports', 'Endpoints', 'Age']],
      [
        at('events'),
        ['Last Seen', 'Type', 'Reason', 'Object', 'Subobject', 'Source', 'Message', 'First Seen', 'Count', 'Name'],
      ],
      ['/apis/apiextensions.k8s.io/v1/customresourcedefinitions', ['Name', 'Created At']],
    ];
    for (const [path, columns] of expected) {
      assert.deepEqual(columnsOf((await get(path, table)).body), columns, path);
    }
    const one = (await get(at('pods', body.metadata.name), table)).body;
    assert.deepEqual(one.rows[0].cells.slice(0, 4), [body.metadata.name, '0/1', 'Pending', '0']);
  });

  it('includeObject decides what a row holds', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('c'), { a: '1' }));
    const path = at('configmaps', body.metadata.name);
    assert.equal((await get(`${path}?includeObject=None`, table)).body.rows[0].object ?? null, null);
    assert.deepEqual((await get(`${path}?includeObject=Object`, table)).body.rows[0].object.data, { a: '1' });
  });

  it('a watch as a table names its columns once', async () => {
    const { at, name, post, merge, watch } = api();
    const { body } = await post(at('configmaps'), configMap(name('c')));
    const path = at('configmaps', body.metadata.name);
    const reader = await watch(
      `${at('configmaps')}?fieldSelector=metadata.name%3D${body.metadata.name}&resourceVersion=${body.metadata.resourceVersion}`,
      table,
    );
    await merge(path, { data: { a: '1' } });
    await merge(path, { data: { a: '2' } });
    const first = await reader.until(() => true);
    const second = await reader.until(() => true);
    reader.close();
    assert.equal(first[0]!.object.kind, 'Table');
    assert.equal(first[0]!.object.columnDefinitions.length, 3);
    assert.equal(first[0]!.object.rows[0].cells[0], body.metadata.name);
    assert.equal(second[0]!.object.columnDefinitions ?? null, null);
  });

  it('metadata alone, of one object and of a list', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('c'), { a: '1' }));
    const one = (await get(at('configmaps', body.metadata.name), partial)).body;
    assert.equal(one.kind, 'PartialObjectMetadata');
    assert.equal(one.data, undefined);
    assert.equal(one.metadata.uid, body.metadata.uid);
    const list = (await get(`${at('configmaps')}?fieldSelector=metadata.name%3D${body.metadata.name}`, partialList))
      .body;
    assert.equal(list.kind, 'PartialObjectMetadataList');
    assert.equal(list.items[0].metadata.name, body.metadata.name);
    assert.equal(list.items[0].data, undefined);
  });

  it('a form that nobody can make answers 406', async () => {
    const { at, get } = api();
    const answer = await get(at('configmaps'), { accept: 'text/html' });
    assert.equal(answer.status, 406);
  });
}
