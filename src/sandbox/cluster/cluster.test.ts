import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configMap, definitions, lease, widget, widgets } from './conformance/samples.ts';
import { testCluster } from './test-cluster.fixture.ts';

/** What the conformance suite can't ask of a real server: the past, time, chance, and what is not imitated. */
describe('createCluster()', () => {
  it('forgets the past after its history, so that old watches, lists and continue tokens answer 410', async () => {
    const { api, clock, cluster } = testCluster({ options: { historyMs: 60_000 } });
    for (const name of ['a', 'b', 'c']) await api.post(api.at('configmaps'), configMap(name));
    const page = await api.get(`${api.at('configmaps')}?limit=1`);
    const version = page.body.metadata.resourceVersion;
    await clock.advance(61_000);
    await api.merge(api.at('configmaps', 'b'), { data: { a: '1' } });
    await clock.advance(61_000);

    const exact = await api.get(`${api.at('configmaps')}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    assert.equal(exact.status, 410);
    assert.equal(exact.body.reason, 'Expired');
    const reader = await api.watch(`${api.at('configmaps')}?resourceVersion=${version}`);
    assert.equal(reader.status, 200);
    const next = await api.get(`${api.at('configmaps')}?limit=1&continue=${page.body.metadata.continue}`);
    assert.equal(next.status, 410);
    const token = next.body.metadata.continue;
    const inconsistent = await api.get(`${api.at('configmaps')}?limit=5&continue=${token}`);
    assert.equal(inconsistent.status, 200);
    assert.deepEqual(
      inconsistent.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['b', 'c'],
    );
    await cluster.stop();
  });

  it('forgets by number too', async () => {
    const { api, cluster } = testCluster({ options: { historyEvents: 2 } });
    const first = await api.post(api.at('configmaps'), configMap('a'));
    for (const n of ['1', '2', '3']) await api.merge(api.at('configmaps', 'a'), { data: { n } });
    const path = `${api.at('configmaps')}?resourceVersion=${first.body.metadata.resourceVersion}&resourceVersionMatch=Exact`;
    assert.equal((await api.get(path)).status, 410);
    await cluster.stop();
  });

  it('sends a bookmark a minute to those who allow it, with the newest version', async () => {
    const { clock, cluster } = testCluster();
    const lines: { type: string; object: { metadata: { resourceVersion: string } } }[] = [];
    const response = await cluster.handle({
      method: 'GET',
      path: '/api/v1/pods?watch=true&resourceVersion=0&allowWatchBookmarks=true',
    });
    void (async () => {
      for await (const chunk of response.body) lines.push(JSON.parse(Buffer.from(chunk).toString()));
    })();
    await clock.advance(125_000);
    assert.deepEqual(
      lines.map(line => [line.type, line.object.metadata.resourceVersion]),
      [
        ['BOOKMARK', String(cluster.version)],
        ['BOOKMARK', String(cluster.version)],
      ],
    );
    await cluster.stop();
    assert.equal(cluster.openWatches, 0);
  });

  it('ends a watch after 30 to 60 minutes by itself', async () => {
    const { clock, cluster } = testCluster();
    let ended = false;
    const response = await cluster.handle({ method: 'GET', path: '/api/v1/pods?watch=true' });
    void (async () => {
      for await (const _ of response.body);
      ended = true;
    })();
    await clock.advance(1_799_000);
    assert.equal(ended, false);
    await clock.advance(1_802_000);
    assert.equal(ended, true);
  });

  it('gives the same uids, names and versions for the same seed', async () => {
    const run = async () => {
      const { api, cluster } = testCluster();
      const made = [];
      for (let index = 0; index < 3; index++) {
        const object = configMap('', {}, { generateName: 'x-' });
        delete object.metadata.name;
        made.push((await api.post(api.at('configmaps'), object)).body.metadata);
      }
      await cluster.stop();
      return { made, uid: cluster.systemUid };
    };
    assert.deepEqual(await run(), await run());
  });

  it('answers 501 with a clear message for kinds and subresources of Kubernetes that it has not', async () => {
    const { api, cluster } = testCluster();
    for (const path of [
      '/apis/apps/v1/deployments',
      '/api/v1/persistentvolumes',
      '/apis/rbac.authorization.k8s.io/v1/roles',
    ]) {
      const answer = await api.get(path);
      assert.equal(answer.status, 501, path);
      assert.equal(answer.body.reason, 'NotImplemented');
      assert.match(
        answer.body.message,
        /^The simulated Kubernetes API does not implement ".+" of .+\. What it has: configmaps, .*, pods, .*\.$/,
      );
    }
    const eviction = await api.post('/api/v1/namespaces/default/pods/a/eviction', {});
    assert.equal(eviction.status, 501);
    await cluster.stop();
  });

  it('lists no kind in discovery that it answers 501 for', async () => {
    const { api, cluster } = testCluster();
    const groups: string[] = (await api.get('/apis')).body.groups.map(
      (group: { preferredVersion: { groupVersion: string } }) => `/apis/${group.preferredVersion.groupVersion}`,
    );
    let asked = 0;
    for (const path of ['/api/v1', ...groups]) {
      for (const { name, verbs } of (await api.get(path)).body.resources) {
        if (!verbs.includes('list')) continue;
        asked++;
        assert.equal((await api.get(`${path}/${name}`)).status, 200, `${path}/${name}`);
      }
    }
    assert.ok(asked > 10);
    assert.ok(!groups.some(path => path.startsWith('/apis/apps') || path.startsWith('/apis/batch')));
    await cluster.stop();
  });

  it('breaks a watch whose request is aborted, and forgets it', async () => {
    const { cluster } = testCluster();
    const abort = new AbortController();
    const response = await cluster.handle({ method: 'GET', path: '/api/v1/pods?watch=true', signal: abort.signal });
    const reading = (async () => {
      for await (const _ of response.body);
    })();
    assert.equal(cluster.openWatches, 1);
    abort.abort();
    await assert.rejects(reading, { name: 'AbortError' });
    assert.equal(cluster.openWatches, 0);
    await assert.rejects(cluster.handle({ method: 'GET', path: '/api/v1/pods', signal: abort.signal }), {
      name: 'AbortError',
    });
  });

  it('has the definitions that it is given from the start', async () => {
    const { api, cluster } = testCluster({ crds: definitions });
    assert.equal((await api.post(api.at(widgets), widget('a'))).status, 201);
    await cluster.stop();
  });

  it('throws where a given definition is refused', () => {
    const broken = JSON.parse(JSON.stringify(definitions[1]));
    broken.spec.scope = 'Sideways';
    assert.throws(() => testCluster({ crds: [broken] }), /spec\.scope: Unsupported value/);
  });

  it('answers malformed requests with a Status and never with a crash', async () => {
    const { api, cluster } = testCluster();
    const paths = [
      '',
      '/',
      '//',
      '/api',
      '/api/v1/namespaces/%E0%A4%A/pods',
      '/apis/%00/v1/x',
      '/api/v1/pods/a/b/c/d',
      '/api/v1//pods',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const) {
        const answer = await api.call(method, path, '{"a":[');
        assert.ok(answer.status >= 200 && answer.status !== 500, `${method} ${path}: ${answer.status}`);
      }
    }
    for (const body of [
      'null',
      '[]',
      '"x"',
      '1',
      '{"metadata":[]}',
      '{"metadata":{"name":{}}}',
      '{"metadata":{"labels":[]}}',
      '{"spec":null}',
    ]) {
      for (const kind of ['pods', 'services', 'events', 'secrets', 'leases.coordination.k8s.io/v1']) {
        const answer = await api.call('POST', api.at(kind), body);
        assert.ok(
          answer.status === 400 || answer.status === 422,
          `${kind} ${body}: ${answer.status} ${answer.body.message}`,
        );
      }
    }
    await cluster.stop();
  });

  it('keeps a Lease through compare-and-swap, whoever asks first', async () => {
    const { api, cluster } = testCluster();
    const path = api.at('leases.coordination.k8s.io/v1');
    const { body } = await api.post(path, lease('nlbports', { holderIdentity: '' }));
    const answers = await Promise.all(
      ['a', 'b', 'c'].map(holderIdentity => api.put(`${path}/nlbports`, { ...body, spec: { holderIdentity } })),
    );
    assert.deepEqual(
      answers.map(answer => answer.status),
      [200, 409, 409],
    );
    await cluster.stop();
  });
});
