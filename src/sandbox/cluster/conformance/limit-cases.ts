import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, gadgetsPath, widgetGroup } from './samples.ts';

const yaml = { 'content-type': 'application/yaml' };

/** What is too large, too deep or too much, and how bodies in YAML are read. */
export function limitCases(api: () => Api): void {
  const made = async (path: string, body: Loose) => {
    const answer = await api().post(path, body);
    assert.equal(answer.status, 201, JSON.stringify(answer.body).slice(0, 500));
    return `${path}/${answer.body.metadata.name}`;
  };
  const gadget = (spec: Loose) => ({
    apiVersion: `${widgetGroup}/v1`,
    kind: 'Gadget',
    metadata: { name: api().name('limit') },
    spec,
  });
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

  it('a body that nests too deep is refused with 400, closed or not, in JSON and YAML', async () => {
    const { at, call, name } = api();
    const path = await made(at('configmaps'), configMap(name('deep')));
    for (const text of ['[{"a":'.repeat(20_000), nested(20_000), '{"a":'.repeat(20_000) + '}'.repeat(20_000)]) {
      for (const headers of [{}, yaml]) {
        const answer = await call('DELETE', path, text, headers);
        assert.equal(answer.status, 400, text.slice(0, 10));
        assert.equal(answer.body.reason, 'BadRequest');
      }
    }
    for (const type of ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml']) {
      const headers = { 'content-type': `application/${type}` };
      const answer = await call('PATCH', `${path}?fieldManager=deep`, `{"data":${nested(20_000)}}`, headers);
      assert.equal(answer.status, 400, type);
    }
    const operations = `[{"op":"add","path":"/data","value":${nested(20_000)}}]`;
    assert.equal((await api().json(path, operations)).status, 400);
  });

  it('a custom resource may nest a few hundred deep', async () => {
    const { get } = api();
    const path = await made(gadgetsPath, gadget({ deep: JSON.parse(nested(300)) }));
    assert.equal(JSON.stringify((await get(path)).body.spec.deep), nested(300));
  });

  it('of equal keys in YAML the last counts, and a second document is ignored', async () => {
    const { at, call, name } = api();
    const lines = ['apiVersion: v1', 'kind: ConfigMap', `metadata: {name: ${name('yaml')}}`];
    const text = [...lines, 'data: {a: first, a: last}', '---', 'data: {a: other}'].join('\n');
    const answer = await call('POST', at('configmaps'), text, yaml);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.data, { a: 'last' });
  });

  it('YAML may use anchors and aliases', async () => {
    const { at, call, name } = api();
    const lines = ['apiVersion: v1', 'kind: ConfigMap', `metadata: {name: ${name('alias')}}`];
    const text = [...lines, 'data: {a: &a text, b: *a, c: *a}'].join('\n');
    assert.deepEqual((await call('POST', at('configmaps'), text, yaml)).body.data, { a: 'text', b: 'text', c: 'text' });
  });

  it('YAML that no memory could hold with its aliases followed is refused with 400', async () => {
    const { at, call } = api();
    const levels = Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}*a${n}]`);
    const text = ['apiVersion: v1', 'kind: ConfigMap', 'a0: &a0 [x]', ...levels].join('\n');
    assert.equal((await call('POST', at('configmaps'), text, yaml)).status, 400);
  });

  it('a JSON patch whose copies add up to more than 3 MiB is refused with 422', async () => {
    const { json } = api();
    const path = await made(gadgetsPath, gadget({ a: 'x'.repeat(1_000) }));
    const doubling = (times: number) =>
      Array.from({ length: times }, (_, n) => ({ op: 'copy', from: '/spec', path: `/spec/c${n}` }));
    assert.equal((await json(path, doubling(5))).status, 200);
    const answer = await json(path, doubling(40));
    assert.equal(answer.status, 422);
    assert.equal(answer.body.reason, 'Invalid');
  });

  it('an object beyond 1.5 MiB does not fit into the store', async () => {
    const { merge, post } = api();
    const spec = { a: 'x'.repeat(1_600_000) };
    const answer = await post(gadgetsPath, gadget(spec));
    assert.equal(answer.status, 500);
    assert.match(answer.body.message, /request is too large/);
    const path = await made(gadgetsPath, gadget({ a: 'x'.repeat(1_000_000) }));
    assert.equal((await merge(path, { spec: { b: 'x'.repeat(600_000) } })).status, 500);
  });

  it('a ConfigMap or Secret holds at most 1 MiB', async () => {
    const { at, name, post } = api();
    const data = { a: 'x'.repeat(600_000), b: 'x'.repeat(448_577) };
    const answer = await post(at('configmaps'), configMap(name('full'), data));
    assert.equal(answer.status, 422);
    assert.match(answer.body.message, /is invalid: \[\]: Too long: may not be more than 1048576 bytes$/);
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: name('full') }, stringData: data };
    assert.match(
      (await post(at('secrets'), secret)).body.message,
      /is invalid: data: Too long: may not be more than 1048576 bytes$/,
    );
    await made(at('configmaps'), configMap(name('full'), { ...data, b: 'x'.repeat(448_576) }));
  });
}
