import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { type Change, createInformer, type InformerOptions } from './informer.ts';
import type { Pod } from './objects.ts';
import { pods } from './resource.ts';
import { createWire, type WireCall, type WireStream } from './wire.fixture.ts';

function pod(
  name: string,
  resourceVersion: number,
  extra: { uid?: string; namespace?: string; label?: string } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: extra.namespace ?? 'game',
      uid: extra.uid ?? `uid-${name}`,
      resourceVersion: String(resourceVersion),
      ...(extra.label ? { labels: { 'nlbports.dev/pool': extra.label } } : {}),
    },
    spec: { containers: [] },
  };
}

const bookmark = (resourceVersion: number, end = false) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    resourceVersion: String(resourceVersion),
    ...(end ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
  },
});

const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version: 5 (9)' };
const noWatchList = {
  kind: 'Status',
  code: 422,
  reason: 'Invalid',
  message: 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
};

function setUp(options: Partial<InformerOptions<Pod>> = {}) {
  const wire = createWire();
  const clock = virtualClock();
  const informer = createInformer<Pod>({
    transport: wire.transport,
    clock,
    random: seededRandom(1),
    log: silentLog(),
    resource: pods,
    ...options,
  });
  const changes: string[] = [];
  informer.onChange(({ key, object, previous }: Change<Pod>) => {
    const version = (it: Pod | undefined) => it?.metadata.resourceVersion ?? '-';
    changes.push(`${key} ${version(previous)}>${version(object)}`);
  });
  const stop = new AbortController();
  return { wire, clock, informer, changes, stop, started: informer.start(stop.signal) };
}

/** An informer whose watch list brought `objects` as of resourceVersion 10, and is still open. */
async function synced(objects: Pod[], options: Partial<InformerOptions<Pod>> = {}) {
  const all = setUp(options);
  const stream = all.wire.last().begin();
  for (const object of objects) stream.event('ADDED', object);
  stream.event('BOOKMARK', bookmark(10, true));
  await all.clock.settle();
  all.changes.length = 0;
  return { ...all, stream };
}

const kindOf = (call: WireCall) => {
  if (!call.query.get('watch')) return 'list';
  return call.query.get('sendInitialEvents') ? 'watch list' : `watch from ${call.query.get('resourceVersion')}`;
};

test('the first state comes by WatchList, all at its end bookmark, and changes follow on the same connection', async () => {
  const { wire, clock, informer, changes, started } = setUp({ select: { labelSelector: 'nlbports.dev/pool' } });
  const { query } = wire.last();
  assert.deepEqual(
    [...query.entries()].filter(([name]) => name !== 'timeoutSeconds'),
    [
      ['watch', 'true'],
      ['allowWatchBookmarks', 'true'],
      ['labelSelector', 'nlbports.dev/pool'],
      ['sendInitialEvents', 'true'],
      ['resourceVersionMatch', 'NotOlderThan'],
    ],
  );
  assert.ok(wire.last().request.stream);
  const stream = wire.last().begin();
  stream.event('ADDED', pod('a', 3));
  stream.event('ADDED', pod('b', 4));
  stream.event('ADDED', pod('c', 5));
  stream.event('MODIFIED', pod('b', 8));
  stream.event('DELETED', pod('c', 9));
  await clock.settle();
  assert.equal(informer.synced, false);
  assert.deepEqual(informer.list(), []);
  stream.event('BOOKMARK', bookmark(10, true));
  await started;
  assert.equal(informer.synced, true);
  assert.deepEqual(changes, ['game/a ->3', 'game/b ->8']);
  stream.event('MODIFIED', pod('a', 11));
  stream.event('DELETED', pod('b', 12));
  stream.event('ADDED', pod('d', 13));
  await clock.settle();
  assert.deepEqual(changes.slice(2), ['game/a 3>11', 'game/b 8>-', 'game/d ->13']);
  assert.equal(wire.calls.length, 1);
});

test('a watch list that breaks off before its end leaves nothing, and an alternate list brings the state', async () => {
  const { wire, clock, informer, changes } = setUp();
  const stream = wire.last().begin();
  stream.event('ADDED', pod('a', 3));
  stream.cut();
  await clock.settle();
  assert.deepEqual(informer.list(), []);
  await clock.advance(500);
  assert.equal(kindOf(wire.last()), 'list');
  wire.last().answer(200, { metadata: { resourceVersion: '10', continue: 'x' }, items: [pod('a', 3)] });
  await clock.settle();
  wire.last().fail();
  await clock.settle();
  assert.equal(informer.synced, false);
  assert.deepEqual(informer.list(), [], 'half a list is no state');
  await clock.advance(1_000);
  assert.equal(kindOf(wire.last()), 'watch list');
  const second = wire.last().begin();
  second.event('ADDED', pod('a', 3));
  second.event('BOOKMARK', bookmark(10, true));
  await clock.settle();
  assert.ok(informer.synced);
  assert.deepEqual(changes, ['game/a ->3']);
});

test('a bookmark that is not the end of the first state does not end it', async () => {
  const { wire, clock, informer } = setUp();
  const stream = wire.last().begin();
  stream.event('ADDED', pod('a', 3));
  stream.event('BOOKMARK', bookmark(5));
  await clock.settle();
  assert.equal(informer.synced, false);
  assert.deepEqual(informer.list(), []);
});

test('a watch list that the server ends early, time and again, is no state and no tight loop', async () => {
  const { wire, clock, informer } = setUp();
  for (let turn = 0; turn < 100; turn++) {
    if (kindOf(wire.last()) === 'list') wire.last().fail();
    else {
      const stream = wire.last().begin();
      stream.event('ADDED', pod('a', 3));
      stream.end();
    }
    await clock.advance(100);
  }
  assert.equal(informer.synced, false);
  assert.ok(wire.calls.length < 60, `${wire.calls.length} requests in 10 s`);
});

test('a server without WatchList is listed and watched, and not asked again', async () => {
  const { wire, clock, informer, started } = setUp();
  wire.last().answer(422, noWatchList);
  await clock.settle();
  wire.last().answer(200, { metadata: { resourceVersion: '10' }, items: [pod('a', 3)] });
  await started;
  assert.equal(informer.list().length, 1);
  for (let turn = 0; turn < 2; turn++) {
    wire.last().begin().event('ERROR', gone);
    await clock.advance(1_000);
    wire.last().answer(200, { metadata: { resourceVersion: '10' }, items: [pod('a', 3)] });
    await clock.settle();
  }
  assert.deepEqual(wire.calls.map(kindOf), [
    'watch list',
    'list',
    'watch from 10',
    'list',
    'watch from 10',
    'list',
    'watch from 10',
  ]);
});

test('after a cut connection the watch goes on at the last resourceVersion heard, a bookmark counted', async () => {
  const { wire, clock, changes, stream } = await synced([pod('a', 3)]);
  stream.event('MODIFIED', pod('a', 11));
  stream.event('BOOKMARK', bookmark(20));
  stream.cut();
  await clock.advance(300);
  assert.equal(kindOf(wire.last()), 'watch from 20');
  wire.last().begin().event('DELETED', pod('a', 21));
  await clock.settle();
  assert.deepEqual(changes, ['game/a 3>11', 'game/a 11>-']);
});

test('a line cut in its middle counts for nothing: what it said comes again', async () => {
  const { wire, clock, changes, stream } = await synced([pod('a', 3)]);
  const line = JSON.stringify({ type: 'DELETED', object: pod('a', 11) });
  stream.text(line.slice(0, line.length - 4));
  stream.cut();
  await clock.advance(300);
  assert.deepEqual(changes, []);
  assert.equal(kindOf(wire.last()), 'watch from 10');
  // The same when the server ends the stream in an orderly way.
  const second = wire.last().begin();
  second.text(line);
  second.end();
  await clock.advance(1_000);
  assert.deepEqual(changes, []);
  assert.equal(kindOf(wire.last()), 'watch from 10');
  // And whole, in pieces, in the middle of a character.
  const third = wire.last().begin();
  const whole = `${JSON.stringify({ type: 'ADDED', object: pod('ü', 12) })}\n${line}\n`;
  for (const byte of new TextEncoder().encode(whole)) third.bytes(Uint8Array.of(byte));
  await clock.settle();
  assert.deepEqual(changes, ['game/ü ->12', 'game/a 3>-']);
});

for (const [title, sendGone] of [
  ['as an ERROR event', (call: WireCall) => call.begin().event('ERROR', gone)],
  ['as the HTTP status', (call: WireCall) => call.answer(410, gone)],
] as const) {
  test(`410 ${title} starts anew, and the difference comes as changes`, async () => {
    const { wire, clock, informer, changes, stream } = await synced([pod('same', 3), pod('moved', 4), pod('over', 5)]);
    stream.cut();
    await clock.advance(300);
    sendGone(wire.last());
    await clock.advance(1_000);
    assert.equal(kindOf(wire.last()), 'watch list');
    assert.equal(informer.list().length, 3, 'the old state stands until the new one is whole');
    const anew = wire.last().begin();
    anew.event('ADDED', pod('same', 3));
    anew.event('ADDED', pod('moved', 40));
    anew.event('ADDED', pod('new', 41));
    await clock.settle();
    assert.deepEqual(changes, []);
    anew.event('BOOKMARK', bookmark(50, true));
    await clock.settle();
    assert.deepEqual(changes, ['game/over 5>-', 'game/moved 4>40', 'game/new ->41']);
  });
}

test('a silent connection is cut after 75 s, before and after its headers, and the watch goes on', async () => {
  const { wire, clock, stream } = await synced([]);
  await clock.advance(74_000);
  stream.event('BOOKMARK', bookmark(20));
  await clock.advance(74_900);
  assert.equal(wire.calls.length, 1);
  await clock.advance(600);
  assert.ok(wire.calls[0]!.aborted());
  assert.equal(kindOf(wire.last()), 'watch from 20');
  // The next one does not even answer.
  await clock.advance(75_000);
  assert.ok(wire.calls[1]!.aborted());
  await clock.advance(500);
  assert.equal(wire.calls.length, 3);
});

test('slow first bytes are waited for', async () => {
  const { wire, clock, informer, started } = setUp();
  await clock.advance(60_000);
  const stream = wire.last().begin();
  await clock.advance(60_000);
  stream.event('ADDED', pod('a', 3));
  await clock.advance(60_000);
  stream.event('BOOKMARK', bookmark(10, true));
  await started;
  assert.ok(informer.synced);
  assert.equal(wire.calls.length, 1);
});

test('garbage on the watch changes nothing and ends the connection', async () => {
  const { wire, clock, changes, stream } = await synced([pod('a', 3)]);
  const garbage = [
    '\u0000\u0001 not JSON\n',
    '{"type":"DELETED"}\n',
    '{"type":"DELETED","object":{"metadata":{"name":"a","namespace":"game"}}}\n',
    '{"type":"RENAMED","object":{"metadata":{"name":"a","resourceVersion":"11"}}}\n',
    'null\n',
    '{"type":"ERROR","object":{}}\n',
  ];
  let open: WireStream = stream;
  for (const text of garbage) {
    const before = wire.calls.length;
    open.text(text);
    await clock.advance(31_000);
    assert.ok(wire.calls.length > before, `a new connection after ${text}`);
    assert.ok(wire.calls[before - 1]!.aborted(), `the old one is closed after ${text}`);
    assert.equal(kindOf(wire.last()), 'watch from 10');
    open = wire.last().begin();
  }
  assert.deepEqual(changes, []);
});

test('reconnects wait from 0.2 s, doubling, up to 5 s, with some chance in it', async () => {
  const { wire, clock, stream } = await synced([]);
  const sentAtMs: number[] = [];
  stream.cut();
  for (let tries = 0; tries < 12; tries++) {
    const before = wire.calls.length;
    await clock.advanceUntil(() => wire.calls.length > before, 60_000);
    sentAtMs.push(clock.monotonicMs());
    wire.last().fail('connect ECONNREFUSED');
  }
  const waits = sentAtMs.slice(1).map((atMs, index) => atMs - sentAtMs[index]!);
  waits.forEach((waitMs, index) => {
    const fullMs = Math.min(5_000, 200 * 2 ** (index + 1));
    assert.ok(waitMs >= fullMs / 2 && waitMs <= fullMs, `wait ${index} of ${waitMs} ms`);
  });
});

test('a server that ends every watch at once is not asked in a tight loop', async () => {
  const { wire, clock, stream } = await synced([]);
  stream.end();
  await clock.settle();
  for (let turn = 0; turn < 200; turn++) {
    wire.last().begin().end();
    await clock.advance(100);
  }
  assert.ok(wire.calls.length < 20, `${wire.calls.length} watches in 20 s`);
});

test('a server that asks for patience gets it', async () => {
  const { wire, clock, stream } = await synced([]);
  stream.cut();
  await clock.advance(300);
  wire.last().answer(429, 'Too many requests', { 'retry-after': '9' });
  await clock.advance(8_900);
  assert.equal(wire.calls.length, 2);
  await clock.advance(200);
  assert.equal(wire.calls.length, 3);
});

test('put() shows at once, and the same version from the watch is no second change', async () => {
  const { clock, informer, changes, stream } = await synced([pod('a', 3)]);
  informer.put(pod('a', 11));
  assert.deepEqual(changes, ['game/a 3>11']);
  stream.event('MODIFIED', pod('a', 11));
  stream.event('MODIFIED', pod('a', 12));
  await clock.settle();
  assert.deepEqual(changes.slice(1), ['game/a 11>12']);
});

test('put() never puts an older object over a newer one, and the watch neither', async () => {
  const { clock, informer, changes, stream } = await synced([pod('a', 3)]);
  stream.event('MODIFIED', pod('a', 99));
  await clock.settle();
  informer.put(pod('a', 98));
  informer.put(pod('a', 100));
  stream.event('MODIFIED', pod('a', 99));
  await clock.settle();
  assert.deepEqual(changes, ['game/a 3>99', 'game/a 99>100']);
});

test('put() does not bring back what the watch said is deleted', async () => {
  const { clock, informer, changes, stream } = await synced([pod('a', 3)]);
  stream.event('DELETED', pod('a', 15));
  await clock.settle();
  informer.put(pod('a', 11));
  informer.put(pod('a', 15));
  assert.deepEqual(changes, ['game/a 3>-']);
  // The same name again is another object.
  informer.put(pod('a', 16, { uid: 'second' }));
  assert.deepEqual(changes.slice(1), ['game/a ->16']);
});

test('put() does not bring back what left the selection, however new the answer', async () => {
  const { clock, informer, stream } = await synced([pod('a', 3, { label: 'game' })]);
  // The label was taken off at 15; a status patch after it answers with 16, and no further event will come.
  stream.event('DELETED', pod('a', 15));
  await clock.settle();
  informer.put(pod('a', 16));
  assert.deepEqual(informer.list(), []);
  stream.event('ADDED', pod('a', 17, { label: 'game' }));
  await clock.settle();
  informer.put(pod('a', 18, { label: 'game' }));
  assert.equal(informer.get('game/a')?.metadata.resourceVersion, '18');
});

test('put() does not add what was made and deleted while the watch was away', async () => {
  const { wire, clock, informer, stream } = await synced([]);
  stream.event('ERROR', gone);
  await clock.advance(1_000);
  const anew = wire.last().begin();
  anew.event('BOOKMARK', bookmark(50, true));
  await clock.settle();
  informer.put(pod('short-lived', 40));
  assert.deepEqual(informer.list(), []);
  informer.put(pod('just-made', 51));
  assert.equal(informer.list().length, 1);
});

test('a whole state does not take out what was put after it was read', async () => {
  const { wire, clock, informer, stream } = await synced([pod('a', 3)]);
  stream.event('ERROR', gone);
  await clock.advance(1_000);
  const anew = wire.last().begin();
  anew.event('ADDED', pod('a', 3));
  await clock.settle();
  informer.put(pod('a', 51));
  informer.put(pod('b', 52));
  anew.event('BOOKMARK', bookmark(50, true));
  await clock.settle();
  assert.deepEqual(
    informer.list().map(it => `${it.metadata.name} ${it.metadata.resourceVersion}`),
    ['a 51', 'b 52'],
  );
});

test('after the server went back in time its state counts, old as it is', async () => {
  const { wire, clock, informer, stream } = await synced([pod('a', 3)]);
  stream.event('MODIFIED', pod('a', 99));
  stream.event('ADDED', pod('lost', 100));
  stream.cut();
  await clock.advance(300);
  // etcd was restored: our place lies in the future of this server.
  wire.last().answer(504, { kind: 'Status', code: 504, reason: 'Timeout', message: 'Too large resource version' });
  await clock.advance(1_000);
  const anew = wire.last().begin();
  anew.event('ADDED', pod('a', 3));
  anew.event('BOOKMARK', bookmark(20, true));
  await clock.settle();
  assert.deepEqual(
    informer.list().map(it => `${it.metadata.name} ${it.metadata.resourceVersion}`),
    ['a 3'],
  );
});

test('another object under the same name comes as two changes', async () => {
  const { clock, changes, stream } = await synced([pod('a', 3)]);
  stream.event('ADDED', pod('a', 20, { uid: 'second' }));
  // The late word about the first must not take out the second.
  stream.event('DELETED', pod('a', 15));
  await clock.settle();
  assert.deepEqual(changes, ['game/a 3>-', 'game/a ->20']);
});

test('objects are found by index, trimmed and frozen', async () => {
  const { clock, informer, stream } = await synced(
    [pod('a', 3, { label: 'x' }), pod('b', 4, { label: 'y' }), pod('c', 5, { label: 'x' })],
    {
      trim: ({ metadata, spec }) => ({ metadata, spec }),
      indexes: { pool: it => [it.metadata.labels?.['nlbports.dev/pool'] ?? ''] },
    },
  );
  const names = (value: string) => informer.by('pool', value).map(it => it.metadata.name);
  assert.deepEqual(names('x'), ['a', 'c']);
  stream.event('MODIFIED', {
    ...pod('a', 11, { label: 'y' }),
    metadata: { ...pod('a', 11, { label: 'y' }).metadata, managedFields: [{}] },
  });
  stream.event('DELETED', pod('c', 12));
  await clock.settle();
  assert.deepEqual(names('x'), []);
  assert.deepEqual(names('y'), ['b', 'a']);
  assert.throws(() => informer.by('nothing', 'x'), TypeError);
  const kept = informer.get('game/a')!;
  assert.equal(kept.kind, undefined);
  assert.ok(!('managedFields' in kept.metadata));
  assert.throws(() => {
    kept.metadata.labels!.x = 'y';
  }, TypeError);
});

test('several namespaces are followed by a watch each, and synced when all are', async () => {
  const { wire, clock, informer, started } = setUp({ select: { namespaces: ['one', 'two'] } });
  assert.deepEqual(
    wire.calls.map(({ request }) => request.path.split('?', 1)[0]),
    ['/api/v1/namespaces/one/pods', '/api/v1/namespaces/two/pods'],
  );
  const [first, second] = wire.calls.map(call => call.begin());
  first!.event('ADDED', pod('a', 3, { namespace: 'one' }));
  first!.event('BOOKMARK', bookmark(10, true));
  await clock.settle();
  assert.equal(informer.synced, false);
  second!.event('ADDED', pod('a', 4, { namespace: 'two' }));
  second!.event('BOOKMARK', bookmark(30, true));
  await started;
  // A state of one namespace says nothing about the other.
  first!.event('ERROR', gone);
  await clock.advance(1_000);
  wire.last().begin().event('BOOKMARK', bookmark(40, true));
  await clock.settle();
  assert.deepEqual(
    informer.list().map(it => it.metadata.namespace),
    ['two'],
  );
  informer.put(pod('a', 99, { namespace: 'three' }));
  assert.equal(informer.list().length, 1);
});

test('a handler that throws, and one that puts, disturb neither the watch nor the order', async () => {
  const { clock, informer, changes, stream } = await synced([]);
  informer.onChange(({ object }) => {
    if (object?.metadata.name === 'a' && object.metadata.resourceVersion === '11') informer.put(pod('a', 12));
    throw new Error('a defect');
  });
  const later: string[] = [];
  informer.onChange(({ object }) => later.push(object?.metadata.resourceVersion ?? '-'));
  stream.event('ADDED', pod('a', 11));
  stream.event('MODIFIED', pod('a', 13));
  await clock.settle();
  assert.deepEqual(changes, ['game/a ->11', 'game/a 11>12', 'game/a 12>13']);
  assert.deepEqual(later, ['11', '12', '13']);
});

test('objects that trim or an index function can not read are kept, and the watch goes on', async () => {
  const { clock, informer, stream } = await synced([], {
    trim: it => ({ ...it, spec: { containers: it.spec.containers.map(each => each) } }),
    indexes: { node: it => [it.spec.nodeName!.toLowerCase()] },
  });
  stream.event('ADDED', { ...pod('odd', 11), spec: {} });
  stream.event('ADDED', pod('a', 12));
  await clock.settle();
  assert.equal(informer.list().length, 2);
});

test('start() ends with its signal, leaving no timer and no connection', async () => {
  const { wire, clock, informer, stop, started } = setUp();
  wire.last().begin();
  await clock.settle();
  stop.abort();
  await started;
  await clock.settle();
  assert.equal(informer.synced, false);
  assert.ok(wire.last().aborted());
  assert.equal(clock.pending, 0);
  await clock.advance(100_000);
  assert.equal(wire.calls.length, 1);
});

test('a watch that is too old after a long absence of the server is begun anew after the shortest wait', async () => {
  const { wire, clock, stream } = await synced([]);
  stream.cut();
  for (let tries = 0; tries < 8; tries++) {
    const before = wire.calls.length;
    await clock.advanceUntil(() => wire.calls.length > before, 60_000);
    wire.last().fail('connect ECONNREFUSED');
  }
  const before = wire.calls.length;
  await clock.advanceUntil(() => wire.calls.length > before, 60_000);
  wire.last().answer(410, { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 });
  await clock.settle();
  const answeredMs = clock.monotonicMs();
  await clock.advanceUntil(() => wire.calls.length > before + 1, 60_000);
  assert.ok(clock.monotonicMs() - answeredMs <= 200, `waited ${clock.monotonicMs() - answeredMs} ms`);
});
