import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, Loose } from './api.ts';
import { configMap, pod, widget, widgets } from './samples.ts';

const namesOf = (list: Loose): string[] => list.items.map((item: Loose) => item.metadata.name);

/** Lists: selectors, paging, versions. */
export function listCases(api: () => Api): void {
  const madeGroup = async (count: number, label: (index: number) => Record<string, string> = () => ({})) => {
    const { at, name, post } = api();
    const group = name('list');
    for (let index = 0; index < count; index++) {
      await post(at('configmaps'), configMap(`${group}-${index}`, {}, { labels: { group, ...label(index) } }));
    }
    return { group, path: `${at('configmaps')}?labelSelector=group%3D${group}` };
  };

  it("a list has kind, apiVersion and the store's resourceVersion, its items sorted by name", async () => {
    const { path, group } = await madeGroup(3);
    const { body } = await api().get(path);
    assert.equal(body.kind, 'ConfigMapList');
    assert.equal(body.apiVersion, 'v1');
    assert.match(body.metadata.resourceVersion, /^\d+$/);
    assert.deepEqual(namesOf(body), [`${group}-0`, `${group}-1`, `${group}-2`]);
    assert.ok(
      body.items.every((item: Loose) => Number(item.metadata.resourceVersion) <= Number(body.metadata.resourceVersion)),
    );
  });

  it('items of a built-in list name no kind, items of custom resources do', async () => {
    const { at, name, post, get } = api();
    await madeGroup(1);
    const builtIn = await get(`${at('configmaps')}?limit=1`);
    assert.equal(builtIn.body.items[0].kind, undefined);
    await post(at(widgets), widget(name('item')));
    const custom = await get(`${at(widgets)}?limit=1`);
    assert.equal(custom.body.items[0].kind, 'Widget');
    assert.equal(custom.body.items[0].apiVersion, 'conformance.nlbports.dev/v1');
  });

  it('an empty list has an empty list of items', async () => {
    const { at, get } = api();
    const { body } = await get(`${at('secrets')}?labelSelector=nobody%3Dhere`);
    assert.deepEqual(body.items, []);
  });

  it('a list over all namespaces holds ours', async () => {
    const { group } = await madeGroup(1);
    const { body } = await api().get(`/api/v1/configmaps?labelSelector=group%3D${group}`);
    assert.equal(body.items[0].metadata.namespace, api().namespace);
  });

  it('label selectors of every form', async () => {
    const { group, path } = await madeGroup(4, index => ({
      n: String(index),
      ...(index % 2 === 0 ? { even: 'yes' } : {}),
    }));
    const expected: [string, number[]][] = [
      ['n=1', [1]],
      ['n==1', [1]],
      ['n!=1', [0, 2, 3]],
      ['n in (1,3)', [1, 3]],
      ['n notin (1,3)', [0, 2]],
      ['even', [0, 2]],
      ['!even', [1, 3]],
      ['even,n notin (0)', [2]],
      ['even=yes, n in (0, 1)', [0]],
      ['n>1', [2, 3]],
      ['n<1', [0]],
    ];
    for (const [selector, indexes] of expected) {
      const { status, body } = await api().get(`${path},${encodeURIComponent(selector)}`);
      assert.equal(status, 200, selector);
      assert.deepEqual(
        namesOf(body),
        indexes.map(index => `${group}-${index}`),
        selector,
      );
    }
  });

  it('a label selector that can not be read answers 400', async () => {
    const { at, get } = api();
    for (const selector of ['a in (b', 'a=b=c', '=b', 'a b']) {
      const answer = await get(`${at('configmaps')}?labelSelector=${encodeURIComponent(selector)}`);
      assert.equal(answer.status, 400, selector);
      assert.equal(answer.body.reason, 'BadRequest');
    }
  });

  it('field selectors by name and namespace', async () => {
    const { group } = await madeGroup(2);
    const { at, get, namespace } = api();
    const byName = await get(`${at('configmaps')}?fieldSelector=metadata.name%3D${group}-1`);
    assert.deepEqual(namesOf(byName.body), [`${group}-1`]);
    const both = await get(
      `/api/v1/configmaps?fieldSelector=${encodeURIComponent(`metadata.name=${group}-0,metadata.namespace=${namespace}`)}`,
    );
    assert.deepEqual(namesOf(both.body), [`${group}-0`]);
    const not = await get(
      `${at('configmaps')}?labelSelector=group%3D${group}&fieldSelector=metadata.name!%3D${group}-1`,
    );
    assert.deepEqual(namesOf(not.body), [`${group}-0`]);
  });

  it('field selectors of pods by node and phase', async () => {
    const { at, name, post, merge, get } = api();
    const node = name('node');
    const { body: first } = await post(at('pods'), pod(name('pod'), { nodeName: node }));
    const { body: second } = await post(at('pods'), pod(name('pod'), { nodeName: node }));
    await merge(`${at('pods', second.metadata.name)}/status`, { status: { phase: 'Running' } });
    const onNode = await get(`${at('pods')}?fieldSelector=spec.nodeName%3D${node}`);
    assert.equal(onNode.body.items.length, 2);
    const selector = encodeURIComponent(`spec.nodeName=${node},status.phase!=Running`);
    const pending = await get(`${at('pods')}?fieldSelector=${selector}`);
    assert.deepEqual(namesOf(pending.body), [first.metadata.name]);
    const nowhere = await get(`${at('pods')}?fieldSelector=${encodeURIComponent('spec.nodeName=')}`);
    assert.ok(!namesOf(nowhere.body).includes(first.metadata.name));
  });

  it("field selectors by a definition's selectableFields, an absent field as the empty string", async () => {
    const { at, name, post, get, merge } = api();
    const group = name('select');
    const make = async (spec: Loose) =>
      (await post(at(widgets), widget(name('sel'), spec, { labels: { group } }))).body.metadata.name;
    const owned = await make({ owner: 'me', size: 7 });
    const free = await make({ size: 8 });
    await merge(`${at(widgets, free)}/status`, { status: { phase: 'Done' } });
    const find = async (selector: string) =>
      namesOf(
        (await get(`${at(widgets)}?labelSelector=group%3D${group}&fieldSelector=${encodeURIComponent(selector)}`)).body,
      );
    assert.deepEqual(await find('spec.owner=me'), [owned]);
    assert.deepEqual(await find('spec.owner='), [free]);
    assert.deepEqual(await find('spec.owner!='), [owned]);
    assert.deepEqual(await find('spec.size=8'), [free]);
    assert.deepEqual(await find('status.phase=Done'), [free]);
  });

  it('a field selector by an unknown field answers 400', async () => {
    const { at, get } = api();
    for (const kind of ['configmaps', 'pods', widgets]) {
      const answer = await get(`${at(kind)}?fieldSelector=spec.nothing%3Dx`);
      assert.equal(answer.status, 400, kind);
      const words =
        kind === 'configmaps'
          ? '"spec.nothing" is not a known field selector: only "metadata.name", "metadata.namespace"'
          : 'field label not supported: spec.nothing';
      assert.equal(answer.body.message, words);
    }
  });

  it('limit pages through a list, at one version, with what remains', async () => {
    const { at, get, post, remove, name } = api();
    const own = name('paging');
    await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: own } });
    const path = `/api/v1/namespaces/${own}/secrets`;
    const secret = (id: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: id } });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await post(path, secret(id));
    const first = await get(`${path}?limit=2`);
    assert.deepEqual(namesOf(first.body), ['a', 'b']);
    assert.equal(first.body.metadata.remainingItemCount, 3);
    await remove(`${path}/d`);
    await post(path, secret('bb'));
    const second = await get(`${path}?limit=2&continue=${first.body.metadata.continue}`);
    assert.deepEqual(namesOf(second.body), ['c', 'd']);
    assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
    const third = await get(`${path}?limit=2&continue=${second.body.metadata.continue}`);
    assert.deepEqual(namesOf(third.body), ['e']);
    assert.equal(third.body.metadata.continue, undefined);
    assert.equal(third.body.metadata.remainingItemCount, undefined);
    await remove(`/api/v1/namespaces/${own}`);
    assert.ok(at);
  });

  it('limit with a selector says nothing of what remains', async () => {
    const { path, group } = await madeGroup(3);
    const { body } = await api().get(`${path}&limit=2`);
    assert.deepEqual(namesOf(body), [`${group}-0`, `${group}-1`]);
    assert.ok(body.metadata.continue);
    assert.equal(body.metadata.remainingItemCount, undefined);
    const rest = await api().get(`${path}&limit=2&continue=${body.metadata.continue}`);
    assert.deepEqual(namesOf(rest.body), [`${group}-2`]);
  });

  it('a continue token that is none answers 400', async () => {
    const { at, get } = api();
    assert.equal((await get(`${at('configmaps')}?limit=1&continue=nonsense`)).status, 400);
  });

  it('a list by resourceVersion 0 or at least a version brings the present', async () => {
    const { path } = await madeGroup(2);
    const { get } = api();
    const now = await get(path);
    const { resourceVersion } = now.body.metadata;
    assert.equal((await get(`${path}&resourceVersion=0`)).status, 200);
    const since = await get(`${path}&resourceVersion=${resourceVersion}&resourceVersionMatch=NotOlderThan`);
    assert.equal(since.status, 200);
    assert.equal(since.body.items.length, 2);
  });

  it('a list at exactly an older version shows the past', async () => {
    const { path, group } = await madeGroup(2);
    const { at, get, post, merge, remove } = api();
    const before = await get(path);
    await merge(at('configmaps', `${group}-0`), { data: { later: 'yes' } });
    await remove(at('configmaps', `${group}-1`));
    await post(at('configmaps'), configMap(`${group}-2`, {}, { labels: { group } }));
    const version = before.body.metadata.resourceVersion;
    const past = await get(`${path}&resourceVersion=${version}&resourceVersionMatch=Exact`);
    assert.equal(past.status, 200);
    assert.equal(past.body.metadata.resourceVersion, version);
    assert.deepEqual(past.body.items, before.body.items);
  });

  it('a list at a version that is not reached answers 504 with the cause', async () => {
    const { at, get } = api();
    const answer = await get(`${at('configmaps')}?resourceVersion=999999999&resourceVersionMatch=NotOlderThan`);
    assert.equal(answer.status, 504);
    assert.equal(answer.body.reason, 'Timeout');
    assert.equal(answer.body.details.causes[0].reason, 'ResourceVersionTooLarge');
  });

  it('options of a list that do not go together answer 422', async () => {
    const { at, get } = api();
    for (const query of [
      'resourceVersionMatch=Exact',
      'sendInitialEvents=true',
      'resourceVersion=1&resourceVersionMatch=Odd',
    ]) {
      const answer = await get(`${at('configmaps')}?${query}`);
      assert.equal(answer.status, 422, query);
    }
  });
}
