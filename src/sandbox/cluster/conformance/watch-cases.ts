import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Api, WatchLine } from './api.ts';
import { configMap, widget, widgets } from './samples.ts';

const shorten = (lines: WatchLine[]): string[] =>
  lines.map(line => `${line.type} ${line.object.metadata?.name ?? ''}`.trim());

/** Watches: where they begin, selectors, bookmarks, WatchList, the forgotten past. */
export function watchCases(api: () => Api): void {
  it('a watch from a resourceVersion brings exactly what came after it, in order', async () => {
    const { at, name, post, merge, remove, watch } = api();
    const group = name('watch');
    const object = configMap(name('a'), {}, { labels: { group } });
    const first = await post(at('configmaps'), object);
    const path = at('configmaps', object.metadata.name);
    await merge(path, { data: { a: '1' } });
    const selector = `labelSelector=group%3D${group}`;
    const reader = await watch(
      `${at('configmaps')}?${selector}&resourceVersion=${first.body.metadata.resourceVersion}`,
    );
    assert.equal(reader.status, 200);
    await merge(path, { data: { a: '2' } });
    await remove(path);
    const lines = await reader.until(line => line.type === 'DELETED');
    reader.close();
    assert.deepEqual(
      lines.map(line => [line.type, line.object.data?.a]),
      [
        ['MODIFIED', '1'],
        ['MODIFIED', '2'],
        ['DELETED', '2'],
      ],
    );
    const versions = lines.map(line => Number(line.object.metadata.resourceVersion));
    assert.deepEqual(
      versions,
      [...versions].sort((a, b) => a - b),
    );
    assert.equal(new Set(versions).size, 3);
    assert.equal(lines[0]!.object.kind, 'ConfigMap');
    assert.equal(lines[0]!.object.apiVersion, 'v1');
  });

  it('a watch without a resourceVersion, or from 0, begins with what is there', async () => {
    const { at, name, post, watch } = api();
    const group = name('watch');
    await post(at('configmaps'), configMap(`${group}-a`, {}, { labels: { group } }));
    for (const query of ['', '&resourceVersion=0']) {
      const reader = await watch(`${at('configmaps')}?labelSelector=group%3D${group}${query}`);
      const lines = await reader.until(line => line.object.metadata.name === `${group}-a`);
      reader.close();
      assert.deepEqual(shorten(lines), [`ADDED ${group}-a`]);
    }
  });

  it('a watch by labels sees ADDED when an object begins to match and DELETED when it stops', async () => {
    const { at, name, post, merge, watch } = api();
    const group = name('watch');
    const { body } = await post(at('configmaps'), configMap(name('a'), { a: '1' }));
    const path = at('configmaps', body.metadata.name);
    const reader = await watch(
      `${at('configmaps')}?labelSelector=group%3D${group}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await merge(path, { metadata: { labels: { group } } });
    await merge(path, { data: { a: '2' } });
    const off = await merge(path, { metadata: { labels: { group: null } }, data: { a: '3' } });
    await merge(path, { data: { a: '4' } });
    await merge(path, { metadata: { labels: { group } } });
    const lines = await reader.until(line => line.object.data.a === '4' && line.type === 'ADDED');
    reader.close();
    assert.deepEqual(
      lines.map(line => [line.type, line.object.data.a]),
      [
        ['ADDED', '1'],
        ['MODIFIED', '2'],
        ['DELETED', '2'],
        ['ADDED', '4'],
      ],
    );
    assert.equal(lines[2]!.object.metadata.resourceVersion, off.body.metadata.resourceVersion);
    assert.equal(lines[2]!.object.metadata.labels.group, group);
  });

  it('a watch by a field sees an object come and go likewise', async () => {
    const { at, name, post, merge, watch } = api();
    const { body } = await post(at(widgets), widget(name('a')));
    const path = `${at(widgets, body.metadata.name)}/status`;
    const phase = name('p');
    const reader = await watch(
      `${at(widgets)}?fieldSelector=status.phase%3D${phase}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await merge(path, { status: { phase } });
    await merge(path, { status: { phase: 'other' } });
    const lines = await reader.until(line => line.type === 'DELETED');
    reader.close();
    assert.deepEqual(
      lines.map(line => line.type),
      ['ADDED', 'DELETED'],
    );
  });

  it('a watch of one name sees that object alone', async () => {
    const { at, name, post, watch } = api();
    const one = name('one');
    const { body: before } = await api().get(at('configmaps'));
    const reader = await watch(
      `${at('configmaps')}?fieldSelector=metadata.name%3D${one}&resourceVersion=${before.metadata.resourceVersion}`,
    );
    await post(at('configmaps'), configMap(name('other')));
    await post(at('configmaps'), configMap(one));
    const lines = await reader.until(() => true);
    reader.close();
    assert.deepEqual(shorten(lines), [`ADDED ${one}`]);
  });

  it('a watch over all namespaces, and one over another namespace', async () => {
    const { at, name, post, watch, get } = api();
    const { body: before } = await get('/api/v1/configmaps?limit=1');
    const version = before.metadata.resourceVersion;
    const wide = await watch(`/api/v1/configmaps?resourceVersion=${version}`);
    const other = await watch(`/api/v1/namespaces/kube-public/configmaps?resourceVersion=${version}`);
    const { body } = await post(at('configmaps'), configMap(name('wide')));
    const lines = await wide.until(line => line.object.metadata.uid === body.metadata.uid);
    assert.equal(lines.at(-1)!.type, 'ADDED');
    const elsewhere = await other.within(100);
    wide.close();
    other.close();
    assert.ok(elsewhere.every(line => line.object.metadata.namespace === 'kube-public'));
  });

  it('a write that changes nothing brings no event', async () => {
    const { at, name, post, merge, watch } = api();
    const { body } = await post(at('configmaps'), configMap(name('still'), { a: '1' }));
    const path = at('configmaps', body.metadata.name);
    const reader = await watch(
      `${at('configmaps')}?fieldSelector=metadata.name%3D${body.metadata.name}&resourceVersion=${body.metadata.resourceVersion}`,
    );
    await merge(path, { data: { a: '1' } });
    await merge(path, { data: { a: '2' } });
    const lines = await reader.until(() => true);
    reader.close();
    assert.equal(lines[0]!.object.data.a, '2');
  });

  it('sendInitialEvents brings what is there, a bookmark that says so, and then the changes', async () => {
    const { at, name, post, watch } = api();
    const group = name('list');
    await post(at('configmaps'), configMap(`${group}-a`, {}, { labels: { group } }));
    await post(at('configmaps'), configMap(`${group}-b`, {}, { labels: { group } }));
    const reader = await watch(
      `${at('configmaps')}?labelSelector=group%3D${group}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    const initial = await reader.until(line => line.type === 'BOOKMARK');
    assert.deepEqual(shorten(initial.slice(0, 2)).sort(), [`ADDED ${group}-a`, `ADDED ${group}-b`]);
    assert.equal(initial.length, 3);
    const bookmark = initial[2]!.object;
    assert.equal(bookmark.kind, 'ConfigMap');
    assert.equal(bookmark.metadata.annotations['k8s.io/initial-events-end'], 'true');
    const newest = Math.max(...initial.slice(0, 2).map(line => Number(line.object.metadata.resourceVersion)));
    assert.ok(Number(bookmark.metadata.resourceVersion) >= newest);
    await post(at('configmaps'), configMap(`${group}-c`, {}, { labels: { group } }));
    const after = await reader.until(line => line.type === 'ADDED');
    reader.close();
    assert.deepEqual(shorten(after), [`ADDED ${group}-c`]);
  });

  it('sendInitialEvents of an empty collection brings the bookmark at once', async () => {
    const { at, name, watch } = api();
    const reader = await watch(
      `${at(widgets)}?labelSelector=group%3D${name('none')}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=0`,
    );
    const lines = await reader.until(line => line.type === 'BOOKMARK');
    reader.close();
    assert.equal(lines.length, 1);
    assert.match(lines[0]!.object.metadata.resourceVersion, /^[1-9]/);
  });

  it('a watch can go on from the version of a bookmark', async () => {
    const { at, name, post, watch } = api();
    const group = name('on');
    const first = await watch(
      `${at('configmaps')}?labelSelector=group%3D${group}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    const [bookmark] = await first.until(line => line.type === 'BOOKMARK');
    first.close();
    await post(at('configmaps'), configMap(`${group}-a`, {}, { labels: { group } }));
    const second = await watch(
      `${at('configmaps')}?labelSelector=group%3D${group}&resourceVersion=${bookmark!.object.metadata.resourceVersion}`,
    );
    const lines = await second.until(() => true);
    second.close();
    assert.deepEqual(shorten(lines), [`ADDED ${group}-a`]);
  });

  it('options of a watch that do not go together answer 422', async () => {
    const { at, get } = api();
    for (const query of [
      'sendInitialEvents=true',
      'resourceVersionMatch=NotOlderThan',
      'sendInitialEvents=true&resourceVersionMatch=Exact',
    ]) {
      const answer = await get(`${at('configmaps')}?watch=true&${query}`);
      assert.equal(answer.status, 422, query);
    }
  });

  it('timeoutSeconds ends a watch cleanly', async () => {
    const { at, name, watch } = api();
    const reader = await watch(`${at('configmaps')}?labelSelector=group%3D${name('none')}&timeoutSeconds=1`);
    assert.deepEqual(await reader.rest(), []);
  });

  it('a watch from a resourceVersion that is no number answers 500', async () => {
    const { at, get } = api();
    const answer = await get(`${at('configmaps')}?watch=true&resourceVersion=abc`);
    assert.equal(answer.status, 500);
    assert.match(answer.body.message, /^resourceVersion: Invalid value: "abc"/);
    assert.equal((await get(`${at('configmaps')}?resourceVersion=abc`)).status, 400);
    const beyond = await get(`${at('configmaps')}?resourceVersion=18446744073709551616`);
    assert.equal(beyond.status, 400);
    assert.match(beyond.body.message, /value out of range$/);
  });

  it('a watch with a selector that can not be read answers 400', async () => {
    const { at, get } = api();
    assert.equal(
      (await get(`${at('configmaps')}?watch=true&labelSelector=${encodeURIComponent('a in (')}`)).status,
      400,
    );
    assert.equal((await get(`${at('configmaps')}?watch=true&fieldSelector=spec.x%3D1`)).status, 400);
  });

  it('a GET of one object takes no notice of watch=true', async () => {
    const { at, name, post, get } = api();
    const { body } = await post(at('configmaps'), configMap(name('single')));
    const answer = await get(`${at('configmaps', body.metadata.name)}?watch=true`);
    assert.equal(answer.body.metadata.uid, body.metadata.uid);
  });

  it('a watch from a version that is forgotten answers 200 and an ERROR event of 410', async () => {
    const { watch, at } = api();
    const reader = await watch(`${at(widgets)}?resourceVersion=1`);
    assert.equal(reader.status, 200);
    const [line] = await reader.rest();
    assert.equal(line!.type, 'ERROR');
    assert.equal(line!.object.kind, 'Status');
    assert.equal(line!.object.code, 410);
    assert.equal(line!.object.reason, 'Expired');
    assert.match(line!.object.message, /^too old resource version: 1 \(\d+\)$/);
  });

  it('many watches see the same events', async () => {
    const { at, name, post, watch, get } = api();
    const group = name('many');
    const { body: before } = await get(`${at('configmaps')}?limit=1`);
    const readers = await Promise.all(
      Array.from({ length: 20 }, () =>
        watch(`${at('configmaps')}?labelSelector=group%3D${group}&resourceVersion=${before.metadata.resourceVersion}`),
      ),
    );
    for (let index = 0; index < 5; index++) {
      await post(at('configmaps'), configMap(`${group}-${index}`, {}, { labels: { group } }));
    }
    const all = await Promise.all(
      readers.map(reader => reader.until(line => line.object.metadata.name === `${group}-4`)),
    );
    for (const reader of readers) reader.close();
    for (const lines of all) {
      assert.deepEqual(
        shorten(lines),
        [0, 1, 2, 3, 4].map(index => `ADDED ${group}-${index}`),
      );
    }
  });
}
