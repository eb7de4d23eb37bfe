// The whole of this folder on the simulated API server, under a virtual clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { type ClusterOptions, createCluster } from '../sandbox/cluster/cluster.ts';
import { createKubeClient } from './client.ts';
import { createEventRecorder, events } from './event-recorder.ts';
import { createInformer } from './informer.ts';
import { isConflict, isInvalid } from './kube-error.ts';
import { createElection } from './lease-election.ts';
import type { Pod } from './objects.ts';
import { leases, namespaces, pods } from './resource.ts';
import type { KubeTransport } from './transport.ts';

function setUp(options: ClusterOptions = {}) {
  const clock = virtualClock();
  const random = seededRandom(1);
  const cluster = createCluster({ clock, random, log: silentLog(), options });
  const { transport } = cluster;
  const client = createKubeClient({ transport, clock });
  /** Lets time pass until `promise` has an answer. */
  async function done<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await clock.advanceUntil(() => settled, 60_000);
    return await promise;
  }
  return { clock, random, cluster, transport, client, done };
}

const pod = (name: string, pool?: string): Pod => ({
  metadata: { namespace: 'default', name, ...(pool ? { labels: { 'nlbports.dev/pool': pool } } : {}) },
  spec: { containers: [{ name: 'game', image: 'game' } as never] },
});

test('an informer follows a selection through changes, cut watches and a forgotten past', async () => {
  const { clock, random, cluster, transport, client, done } = setUp({ historyMs: 20_000 });
  await done(client.create(pods, pod('before', 'game')));
  await done(client.create(pods, pod('unlabelled')));
  let away = false;
  const flaky: KubeTransport = {
    request: request => (away ? Promise.reject(new Error('connect ECONNREFUSED')) : transport.request(request)),
    close: async () => {},
  };
  const informer = createInformer<Pod>({
    transport: flaky,
    clock,
    random,
    log: silentLog(),
    resource: pods,
    select: { labelSelector: 'nlbports.dev/pool' },
  });
  const changes: string[] = [];
  informer.onChange(({ key, object, previous }) => {
    changes.push(`${object ? (previous ? 'changed' : 'new') : 'gone'} ${key}`);
  });
  const stop = new AbortController();
  await done(informer.start(stop.signal));
  assert.deepEqual(changes.splice(0), ['new default/before']);

  const key = { namespace: 'default', name: 'before' };
  const label = (value: string | null) =>
    client.patch(pods, key, { type: 'merge', body: { metadata: { labels: { 'nlbports.dev/pool': value } } } });
  await done(label(null));
  await clock.settle();
  await done(label('other'));
  await clock.settle();
  assert.deepEqual(changes.splice(0), ['gone default/before', 'new default/before']);

  cluster.cutWatches(new Error('socket hang up'));
  await done(client.create(pods, pod('during', 'game')));
  await clock.advance(1_000);
  assert.deepEqual(changes.splice(0), ['new default/during']);

  away = true;
  cluster.cutWatches(new Error('socket hang up'));
  await done(client.delete(pods, key, { gracePeriodSeconds: 0 }));
  await done(client.create(pods, pod('after', 'game')));
  await clock.advance(60_000);
  away = false;
  await clock.advance(60_000);
  assert.deepEqual(changes.splice(0), ['gone default/before', 'new default/after']);
  // Quiet for hours: bookmarks keep the watch alive, and nothing is told twice.
  await clock.advance(3 * 3_600_000);
  assert.deepEqual(changes, []);
  assert.equal(cluster.openWatches, 1);
  stop.abort();
});

test('swaps, tests and status patches are judged as by the real one', async () => {
  const { client, done } = setUp();
  const made = await done(client.create(pods, pod('a')));
  const key = { namespace: 'default', name: 'a' };
  const { resourceVersion } = made.metadata;
  const swap = () =>
    done(client.patch(pods, key, { type: 'merge', body: { metadata: { resourceVersion, labels: { a: 'b' } } } }));
  await swap();
  await assert.rejects(swap(), isConflict);
  const operations = [{ op: 'test' as const, path: '/metadata/labels/a', value: 'c' }];
  await assert.rejects(done(client.patch(pods, key, { type: 'json', operations })), isInvalid);
  const body = {
    metadata: { annotations: { x: 'y' } },
    status: { conditions: [{ type: 'ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  };
  const patched = await done(client.patch(pods, key, { type: 'strategic', body }, { subresource: 'status' }));
  assert.equal(patched.metadata.annotations?.x, 'y');
});

test('an Event and its series are accepted', async () => {
  const { clock, random, client, done } = setUp();
  const object = await done(client.get(namespaces, { name: 'default' }));
  const recorder = createEventRecorder({ client, clock, random, log: silentLog(), instance: 'test' });
  const event = {
    resource: namespaces,
    object,
    type: 'Normal' as const,
    reason: 'Bound',
    action: 'Bind',
    message: 'x',
  };
  recorder.record(event);
  recorder.record(event);
  await done(recorder.flush());
  const { items } = await done(client.list(events, { namespace: 'default' }));
  assert.deepEqual(
    items.map(({ note, series }) => [note, series?.count]),
    [['x', 2]],
  );
});

test('the Lease is handed over within 2 s of a release, and within 15 s of a death', async () => {
  const { clock, transport, client, done } = setUp();
  await done(client.create(namespaces, { metadata: { name: 'nlbports-system' } }));
  const contend = (seed: number) => {
    let dead = false;
    const mortal: KubeTransport = {
      request: request => (dead ? new Promise<never>(() => {}) : transport.request(request)),
      close: async () => {},
    };
    const election = createElection({
      client: createKubeClient({ transport: mortal, clock }),
      transport: mortal,
      clock,
      random: seededRandom(seed),
      log: silentLog(),
      namespace: 'nlbports-system',
      hostname: `host-${seed}`,
    });
    const stop = new AbortController();
    void election.run(stop.signal, async leading => {
      await new Promise<void>(resolve => leading.addEventListener('abort', () => resolve()));
    });
    return {
      election,
      stop,
      kill() {
        dead = true;
      },
    };
  };
  const a = contend(1);
  await clock.advance(1_000);
  const b = contend(2);
  await clock.advance(60_000);
  assert.ok(a.election.isLeader() && !b.election.isLeader());
  a.stop.abort();
  await clock.advance(2_000);
  assert.ok(b.election.isLeader());
  const c = contend(3);
  await clock.advance(60_000);
  b.kill();
  await clock.advance(15_000);
  assert.ok(c.election.isLeader() && !b.election.isLeader());
  const lease = await done(client.get(leases, { namespace: 'nlbports-system', name: 'nlbports' }));
  assert.equal(lease.spec.leaseTransitions, 2);
  c.stop.abort();
  await clock.advance(1_000);
});
