import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ControlPlane, startControlPlane } from '../../test/cluster/control-plane.ts';
import { eventually } from '../../test/cluster/eventually.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { systemRandom } from '../runtime/random.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import type { ConnectionConfig } from './connection-config.ts';
import { createEventRecorder, events } from './event-recorder.ts';
import { inClusterConfig } from './in-cluster.ts';
import { createInformer, type InformerOptions } from './informer.ts';
import {
  isAlreadyExists,
  isConflict,
  isExpired,
  isForbidden,
  isInvalid,
  isNotFound,
  KubeError,
  KubeNoAnswer,
} from './kube-error.ts';
import { kubeconfigConfig } from './kubeconfig.ts';
import { createElection } from './lease-election.ts';
import type { KubeObject, Pod } from './objects.ts';
import { leases, namespaces, pods, type Resource } from './resource.ts';
import { collectionPath } from './resource-path.ts';
import type { KubeRequest, KubeTransport } from './transport.ts';
import { createUndiciTransport } from './undici-transport.ts';
import { followWatch } from './watch-stream.ts';

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}
const configMaps: Resource<ConfigMap> = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
};

const clock = systemClock();
const random = systemRandom();
let cluster: ControlPlane;
let config: ConnectionConfig;
let transport: KubeTransport;
let client: KubeClient;
const open: KubeTransport[] = [];

function connect(to: ConnectionConfig): KubeTransport {
  const opened = createUndiciTransport(to, { userAgent: 'nlbports/test' });
  open.push(opened);
  return opened;
}

before(async () => {
  // Compaction every 2 s, so that a resourceVersion grows too old within a test.
  cluster = await startControlPlane({ apiServerArgs: ['--etcd-compaction-interval=2s'], clientCertificates: true });
  config = await kubeconfigConfig({ clock, env: {}, interactive: false }, [cluster.adminKubeconfig]);
  transport = connect(config);
  client = createKubeClient({ transport, clock });
});

after(async () => {
  for (const each of open) await each.close();
  await cluster?.stop();
});

async function namespace(name: string): Promise<string> {
  await client.create(namespaces, { metadata: { name } });
  return name;
}

const podOf = (ns: string, name: string, labels: Record<string, string> = {}): Pod => ({
  metadata: { namespace: ns, name, labels },
  spec: { containers: [{ name: 'game', image: 'game', ports: [{ containerPort: 7777 }] } as never] },
});

/** An informer, and what it logged and changed. */
function follow<T extends KubeObject>(options: Partial<InformerOptions<T>> & { resource: Resource<T> }) {
  const logged: string[] = [];
  const say = (fields: Record<string, unknown>, message: string) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog(), info: say, warn: say, error: say, child: () => log };
  const informer = createInformer<T>({ transport, clock, random, log, ...options });
  const changes: string[] = [];
  informer.onChange(({ key, object, previous }) => {
    changes.push(`${object ? (previous ? 'changed' : 'new') : 'gone'} ${key}`);
  });
  const stop = new AbortController();
  return { informer, changes, logged, stop };
}

test("one strategic merge patch sets condition and annotation on a pod's status, and the same again is no change", async () => {
  const ns = await namespace('patches');
  const pod = await client.create(pods, podOf(ns, 'a'));
  assert.equal(pod.kind, 'Pod');
  const key = { namespace: ns, name: 'a' };
  const body = {
    metadata: { uid: pod.metadata.uid, annotations: { 'nlbports.dev/endpoint': 'x:30000' } },
    status: {
      conditions: [
        { type: 'nlbports.dev/ready', status: 'True', reason: 'Healthy', lastTransitionTime: '2026-01-01T00:00:00Z' },
      ],
    },
  };
  const patched = await client.patch(pods, key, { type: 'strategic', body }, { subresource: 'status' });
  assert.equal(patched.metadata.annotations?.['nlbports.dev/endpoint'], 'x:30000');
  assert.ok(patched.status?.conditions?.some(each => each.type === 'nlbports.dev/ready'));
  const again = await client.patch(pods, key, { type: 'strategic', body }, { subresource: 'status' });
  assert.equal(again.metadata.resourceVersion, patched.metadata.resourceVersion);
  const stranger = { metadata: { uid: 'someone-else' }, status: {} };
  await assert.rejects(
    client.patch(pods, key, { type: 'strategic', body: stranger }, { subresource: 'status' }),
    error => isConflict(error) || isInvalid(error),
  );
});

test('merge patches swap by resourceVersion, JSON patches by their test', async () => {
  const ns = await namespace('swaps');
  const map = await client.create(configMaps, { metadata: { namespace: ns, name: 'a' }, data: { owner: 'none' } });
  const key = { namespace: ns, name: 'a' };
  const claim = (owner: string) =>
    client.patch(configMaps, key, {
      type: 'merge',
      body: { metadata: { resourceVersion: map.metadata.resourceVersion }, data: { owner } },
    });
  const results = await Promise.allSettled([claim('one'), claim('two')]);
  const won = results.filter(result => result.status === 'fulfilled');
  assert.equal(won.length, 1);
  assert.ok(results.some(result => result.status === 'rejected' && isConflict(result.reason)));
  await assert.rejects(
    client.patch(configMaps, key, {
      type: 'json',
      operations: [
        { op: 'test', path: '/data/owner', value: 'none' },
        { op: 'remove', path: '/data/owner' },
      ],
    }),
    isInvalid,
  );
  assert.notEqual((await client.get(configMaps, key)).data?.owner, 'none');
});

test("errors carry the API server's status and reason", async () => {
  const ns = await namespace('errors');
  const map = await client.create(configMaps, { metadata: { namespace: ns, name: 'a' } });
  await assert.rejects(client.create(configMaps, { metadata: { namespace: ns, name: 'a' } }), isAlreadyExists);
  await assert.rejects(client.get(configMaps, { namespace: ns, name: 'b' }), isNotFound);
  await client.update(configMaps, { ...map, data: { a: '1' } });
  await assert.rejects(client.update(configMaps, { ...map, data: { a: '2' } }), isConflict);
  await assert.rejects(client.delete(configMaps, { namespace: ns, name: 'a' }, { uid: 'other' }), isConflict);
  await client.delete(configMaps, { namespace: ns, name: 'a' }, { uid: map.metadata.uid! });
  await client.delete(configMaps, { namespace: ns, name: 'a' });
});

test('a service account without rights is told so, by its own kubeconfig', async () => {
  const ns = await namespace('rights');
  await cluster.rest.create(`/api/v1/namespaces/${ns}/serviceaccounts`, { metadata: { name: 'nobody' } });
  const path = await cluster.serviceAccountKubeconfig(ns, 'nobody');
  const own = connect(await kubeconfigConfig({ clock, env: {}, interactive: false }, [path]));
  const nobody = createKubeClient({ transport: own, clock });
  await assert.rejects(nobody.list(pods, { namespace: ns }), isForbidden);
  const { informer, stop, logged } = follow({ resource: pods, transport: own });
  void informer.start(stop.signal);
  await eventually(() => assert.ok(logged.some(line => line.includes('forbidden'))), 5_000);
  assert.equal(informer.synced, false);
  stop.abort();
});

interface SelfReview extends KubeObject {
  status?: { userInfo: { username: string } };
}
const selfReviews: Resource<SelfReview> = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  namespaced: false,
};

test('kubeconfigs with a token, a credential program or a client certificate say who we are', async () => {
  const ns = await namespace('users');
  await cluster.rest.create(`/api/v1/namespaces/${ns}/serviceaccounts`, { metadata: { name: 'me' } });
  const whoAmI = async (path: string) => {
    const own = connect(await kubeconfigConfig({ clock, env: process.env, interactive: false }, [path]));
    const review = await createKubeClient({ transport: own, clock }).create(selfReviews, { metadata: { name: '' } });
    return review.status?.userInfo.username;
  };
  const account = `system:serviceaccount:${ns}:me`;
  assert.equal(await whoAmI(await cluster.serviceAccountKubeconfig(ns, 'me')), account);
  assert.equal(await whoAmI(await cluster.execKubeconfig(ns, 'me')), account);
  const certificate = await cluster.clientCertificateKubeconfig('ann', ['team-a']);
  assert.equal(await whoAmI(certificate), 'ann');
  // Without the server's authority it is not trusted, unless that is asked for.
  const text = readFileSync(certificate, 'utf8');
  const changed = (name: string, pattern: RegExp, by: string) => {
    assert.match(text, pattern);
    const path = join(cluster.folder, name);
    writeFileSync(path, text.replace(pattern, by));
    return path;
  };
  const authority = /^( *)certificate-authority:.*$/m;
  await assert.rejects(whoAmI(changed('untrusting', authority, '')), KubeNoAnswer);
  assert.equal(await whoAmI(changed('insecure', authority, '$1insecure-skip-tls-verify: true')), 'ann');
  // The name asked for is the one that counts, whatever the URL says.
  const named = (name: string) => `$&\n$1tls-server-name: ${name}`;
  assert.equal(await whoAmI(changed('named', authority, named('kubernetes.default.svc'))), 'ann');
  await assert.rejects(whoAmI(changed('misnamed', authority, named('elsewhere.example.com'))), KubeNoAnswer);
  const byName = join(cluster.folder, 'by-name');
  const misnamed = readFileSync(join(cluster.folder, 'misnamed'), 'utf8');
  writeFileSync(byName, misnamed.replace('https://127.0.0.1:', 'https://localhost:'));
  await assert.rejects(whoAmI(byName), KubeNoAnswer);
  writeFileSync(
    byName,
    misnamed.replace('https://127.0.0.1:', 'https://localhost:').replace('elsewhere.example.com', 'kubernetes'),
  );
  assert.equal(await whoAmI(byName), 'ann');
});

test('a client certificate that changes is used from then on', async () => {
  const first = await cluster.clientCertificateKubeconfig('before', []);
  const second = await cluster.clientCertificateKubeconfig('after', []);
  const filesOf = async (path: string) =>
    await (await kubeconfigConfig({ clock, env: {}, interactive: false }, [path])).credentials();
  const [one, two] = [await filesOf(first), await filesOf(second)];
  let current = one;
  const own = connect({ ...config, credentials: async () => current });
  const whoAmI = async () =>
    (await createKubeClient({ transport: own, clock }).create(selfReviews, { metadata: { name: '' } })).status?.userInfo
      .username;
  assert.equal(await whoAmI(), 'before');
  current = two;
  assert.equal(await whoAmI(), 'after');
});

test('in a cluster the token file is read again when the API server refuses the old token', async () => {
  const ns = await namespace('rotation');
  await cluster.rest.create(`/api/v1/namespaces/${ns}/serviceaccounts`, { metadata: { name: 'rotating' } });
  const folder = join(cluster.folder, 'service-account');
  mkdirSync(folder);
  writeFileSync(join(folder, 'ca.crt'), readFileSync(cluster.caFile));
  writeFileSync(join(folder, 'namespace'), ns);
  writeFileSync(join(folder, 'token'), 'refused');
  const { hostname, port } = new URL(cluster.url);
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const inside = await inClusterConfig({ clock, env }, folder);
  assert.equal(inside.namespace, ns);
  const rotating = createKubeClient({ transport: connect(inside), clock });
  await assert.rejects(
    rotating.list(pods, { namespace: ns }),
    (error: unknown) => error instanceof KubeError && error.status === 401,
  );
  writeFileSync(join(folder, 'token'), await cluster.serviceAccountToken(ns, 'rotating'));
  // Known now, though not allowed.
  await assert.rejects(rotating.list(pods, { namespace: ns }), isForbidden);
});

test('a list of more than one page is whole', async () => {
  const ns = await namespace('pages');
  const names = Array.from({ length: 1_201 }, (_, index) => `map-${String(index).padStart(4, '0')}`);
  for (let from = 0; from < names.length; from += 100) {
    await Promise.all(
      names.slice(from, from + 100).map(name => client.create(configMaps, { metadata: { namespace: ns, name } })),
    );
  }
  const { items, resourceVersion } = await client.list(configMaps, { namespace: ns });
  assert.deepEqual(
    items.map(item => item.metadata.name).filter(name => name.startsWith('map-')),
    names,
  );
  assert.ok(items.every(item => item.kind === 'ConfigMap' && item.apiVersion === 'v1'));
  assert.match(resourceVersion, /^\d+$/);
});

test('an informer syncs by WatchList, sees only what is selected, and puts come before the watch', async () => {
  const ns = await namespace('watching');
  await client.create(pods, podOf(ns, 'chosen', { 'nlbports.dev/pool': 'game' }));
  await client.create(pods, podOf(ns, 'other'));
  const requests: KubeRequest[] = [];
  const spying: KubeTransport = {
    request(request) {
      requests.push(request);
      return transport.request(request);
    },
    close: async () => {},
  };
  const { informer, changes, stop, logged } = follow({
    resource: pods,
    transport: spying,
    select: { labelSelector: 'nlbports.dev/pool', namespaces: [ns] },
  });
  await informer.start(stop.signal);
  assert.deepEqual(changes, [`new ${ns}/chosen`]);
  assert.equal(requests.length, 1);
  assert.match(requests[0]!.path, /sendInitialEvents=true/);

  const made = await client.create(pods, podOf(ns, 'second', { 'nlbports.dev/pool': 'game' }));
  informer.put(made);
  assert.equal(changes.filter(each => each === `new ${ns}/second`).length, 1);
  // The label taken off: gone from the selection; a later answer does not bring it back.
  const unlabelled = await client.patch(
    pods,
    { namespace: ns, name: 'second' },
    { type: 'merge', body: { metadata: { labels: { 'nlbports.dev/pool': null } } } },
  );
  await eventually(() => assert.equal(changes.at(-1), `gone ${ns}/second`), 5_000);
  informer.put(unlabelled);
  assert.equal(informer.list().length, 1);
  await client.delete(pods, { namespace: ns, name: 'chosen' }, { gracePeriodSeconds: 0 });
  await eventually(() => assert.equal(informer.list().length, 0), 5_000);
  assert.deepEqual(
    changes.filter(each => each.startsWith('new')),
    [`new ${ns}/chosen`, `new ${ns}/second`],
  );
  assert.deepEqual(logged, []);
  stop.abort();
});

test('the API server ends the first state of a WatchList with the bookmark that we wait for', async () => {
  const seen: string[] = [];
  const stop = new AbortController();
  const watched = followWatch<Pod>(
    { transport, clock },
    {
      path: `${collectionPath(pods, 'default')}?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
      signal: stop.signal,
      idleMs: 20_000,
      onEvent: event => seen.push(`${event.type} ${JSON.stringify(event.object.metadata.annotations ?? {})}`),
    },
  );
  await watched;
  assert.equal(seen[0], 'BOOKMARK {"k8s.io/initial-events-end":"true"}');
});

test('a watch from a compacted resourceVersion is 410, and an informer that was away so long starts anew', async () => {
  const ns = await namespace('compacted');
  await client.create(configMaps, { metadata: { namespace: ns, name: 'stays' } });
  await client.create(configMaps, { metadata: { namespace: ns, name: 'goes' } });
  let away = false;
  const broken = new Set<AbortController>();
  const flaky: KubeTransport = {
    async request(request) {
      if (away) throw new Error('connect ECONNREFUSED');
      const cut = new AbortController();
      broken.add(cut);
      request.signal?.addEventListener('abort', () => cut.abort());
      return await transport.request({ ...request, signal: cut.signal });
    },
    close: async () => {},
  };
  const { informer, changes, logged, stop } = follow({
    resource: configMaps,
    transport: flaky,
    select: { namespaces: [ns] },
    timing: { reconnectMaxMs: 1_000 },
  });
  await informer.start(stop.signal);
  const before = await client.list(configMaps, { namespace: ns });
  away = true;
  for (const each of broken) each.abort();
  await client.delete(configMaps, { namespace: ns, name: 'goes' });
  await client.create(configMaps, { metadata: { namespace: ns, name: 'comes' } });
  // The watch cache answers from memory whatever etcd forgot, until the API server starts again.
  await eventually(
    async () => {
      await client.create(configMaps, { metadata: { namespace: ns, name: `tick-${clock.nowMs()}` } });
      await cluster.restartApiServer();
      const outcome = await followWatch<ConfigMap>(
        { transport, clock },
        {
          path: `${collectionPath(configMaps, ns)}?watch=true&resourceVersion=${before.resourceVersion}&timeoutSeconds=1`,
          signal: new AbortController().signal,
          idleMs: 5_000,
          onEvent: () => {},
        },
      ).catch((error: unknown) => error);
      assert.ok(isExpired(outcome), String(outcome));
    },
    60_000,
    2_500,
  );
  const listed = changes.length;
  away = false;
  await eventually(() => assert.ok(informer.get(`${ns}/comes`)), 15_000);
  assert.equal(informer.get(`${ns}/goes`), undefined);
  assert.ok(informer.get(`${ns}/stays`));
  assert.ok(changes.slice(listed).includes(`gone ${ns}/goes`));
  assert.ok(!changes.slice(listed).includes(`changed ${ns}/stays`));
  assert.ok(logged.some(line => line.includes('too old')));
  stop.abort();
});

test('an API server that restarts or freezes costs an informer seconds, and deletes nothing', async () => {
  const ns = await namespace('restarting');
  await client.create(configMaps, { metadata: { namespace: ns, name: 'a' } });
  const { informer, changes, stop } = follow({
    resource: configMaps,
    select: { namespaces: [ns] },
    timing: { idleMs: 3_000, reconnectMaxMs: 1_000 },
  });
  await informer.start(stop.signal);
  await cluster.restartApiServer('SIGKILL');
  await client.create(configMaps, { metadata: { namespace: ns, name: 'b' } });
  await eventually(() => assert.ok(informer.get(`${ns}/b`)), 10_000);
  // Frozen, its connections are half open: only silence tells.
  cluster.apiServer().signal('SIGSTOP');
  const impatient = createKubeClient({ transport, clock }, { requestTimeoutMs: 500 });
  await assert.rejects(impatient.get(configMaps, { namespace: ns, name: 'a' }), KubeNoAnswer);
  await sleep(clock, 5_000);
  cluster.apiServer().signal('SIGCONT');
  await eventually(() => client.create(configMaps, { metadata: { namespace: ns, name: 'c' } }), 20_000);
  await eventually(() => assert.ok(informer.get(`${ns}/c`)), 10_000);
  assert.deepEqual(
    changes.filter(each => each.startsWith('gone')),
    [],
  );
  stop.abort();
});

test('Events carry six digits, repeats become a series, and kubectl describe shows them', async () => {
  const ns = await namespace('events');
  const pod = await client.create(pods, podOf(ns, 'room-1'));
  const outcomes: string[] = [];
  const recorder = createEventRecorder({
    client,
    clock,
    random,
    log: silentLog(),
    instance: 'test-0',
    onOutcome: outcome => outcomes.push(outcome),
  });
  const event = { resource: pods, object: pod, type: 'Warning' as const, reason: 'PoolFull', action: 'Bind' };
  const message = 'é'.repeat(2_000);
  recorder.record({ ...event, message });
  recorder.record({ ...event, message });
  recorder.record({ ...event, message });
  const home = await client.get(namespaces, { name: ns });
  recorder.record({ ...event, resource: namespaces, object: home, message: 'cluster-scoped' });
  await recorder.flush();
  assert.deepEqual(outcomes, ['repeated', 'repeated', 'written', 'written']);
  const [written] = (await client.list(events, { namespace: ns })).items;
  assert.match(written!.eventTime, /\.\d{6}Z$/);
  assert.equal(written!.series?.count, 3);
  assert.equal(Buffer.byteLength(written!.note), 1_023);
  assert.equal(written!.regarding.uid, pod.metadata.uid);
  const elsewhere = (await client.list(events, { namespace: 'default' })).items;
  assert.ok(elsewhere.some(each => each.regarding.kind === 'Namespace' && each.note === 'cluster-scoped'));
  const described = await cluster.kubectl(['describe', 'pod', '-n', ns, 'room-1']);
  assert.match(described.stdout, /Warning\s+PoolFull\s+.*nlbports/);
  await client.delete(namespaces, { name: ns });
  recorder.record({ ...event, message: 'too late' });
  await recorder.flush();
  assert.equal(outcomes.at(-1), 'failed');
});

test('the Lease is handed over within 2 s of a release, and within 15 s of a death', async () => {
  const ns = await namespace('election');
  const contend = (name: string) => {
    let dead = false;
    const mortal: KubeTransport = {
      async request(request) {
        if (dead) return await new Promise<never>(() => {});
        return await transport.request(request);
      },
      close: async () => {},
    };
    const election = createElection({
      client: createKubeClient({ transport: mortal, clock }),
      transport: mortal,
      clock,
      random,
      log: silentLog(),
      namespace: ns,
      hostname: name,
    });
    const stop = new AbortController();
    const ended = election.run(stop.signal, async leading => {
      await new Promise<void>(resolve => leading.addEventListener('abort', () => resolve()));
    });
    return {
      election,
      stop,
      ended,
      kill() {
        dead = true;
      },
    };
  };
  const a = contend('a');
  await eventually(() => assert.ok(a.election.isLeader()), 5_000);
  const b = contend('b');
  await sleep(clock, 1_000);
  assert.equal(b.election.isLeader(), false);
  const releasedMs = clock.monotonicMs();
  a.stop.abort();
  await eventually(() => assert.ok(b.election.isLeader()), 5_000, 10);
  assert.ok(clock.monotonicMs() - releasedMs < 2_000, `${clock.monotonicMs() - releasedMs} ms`);
  assert.equal(await a.ended, 'ended');
  const lease = await client.get(leases, { namespace: ns, name: 'nlbports' });
  assert.equal(lease.spec.holderIdentity, b.election.identity);
  assert.equal(lease.spec.leaseTransitions, 1);

  const c = contend('c');
  await sleep(clock, 5_000);
  b.kill();
  const killedMs = clock.monotonicMs();
  await eventually(
    () => {
      assert.ok(!(b.election.isLeader() && c.election.isLeader()), 'never both');
      assert.ok(c.election.isLeader());
    },
    20_000,
    10,
  );
  assert.ok(clock.monotonicMs() - killedMs < 15_000, `${clock.monotonicMs() - killedMs} ms`);
  assert.equal(b.election.isLeader(), false);
  assert.equal(await b.ended, 'lost');
  c.stop.abort();
  await c.ended;
});

test('a leader whose Lease somebody deletes either holds it again or stops, and never leads beside another', async () => {
  const ns = await namespace('deleted-lease');
  const election = createElection({
    client,
    transport,
    clock,
    random,
    log: silentLog(),
    namespace: ns,
    hostname: 'a',
    durationMs: 3_000,
  });
  const stop = new AbortController();
  const ended = election.run(stop.signal, async leading => {
    await new Promise<void>(resolve => leading.addEventListener('abort', () => resolve()));
  });
  await eventually(() => assert.ok(election.isLeader()), 5_000);
  await client.delete(leases, { namespace: ns, name: 'nlbports' });
  await sleep(clock, 1_500);
  const lease = await client.get(leases, { namespace: ns, name: 'nlbports' }).catch(() => undefined);
  assert.equal(election.isLeader(), lease?.spec.holderIdentity === election.identity);
  stop.abort();
  await ended;
});
