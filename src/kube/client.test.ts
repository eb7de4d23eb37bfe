import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { createKubeClient } from './client.ts';
import {
  isAlreadyExists,
  isConflict,
  isExpired,
  isInvalid,
  isNotFound,
  isOutcomeUnknown,
  KubeError,
  KubeNoAnswer,
} from './kube-error.ts';
import { namespaces, pods } from './resource.ts';
import { createWire } from './wire.fixture.ts';

function setUp() {
  const wire = createWire();
  const clock = virtualClock();
  return { wire, clock, client: createKubeClient({ transport: wire.transport, clock }) };
}

const pod = (name: string) => ({ metadata: { namespace: 'game', name }, spec: { containers: [] } });

test('requests go to the paths of core kinds, groups, namespaces and subresources', async () => {
  const { wire, client } = setUp();
  const nlbports = { apiVersion: 'nlbports.dev/v1alpha1', kind: 'NLBPort', plural: 'nlbports', namespaced: false };
  const calls = [
    client.get(pods, { namespace: 'game', name: 'a' }),
    client.get(namespaces, { name: 'game' }),
    client.get(nlbports, { name: 'nlb-1-30000' }),
    client.patch(pods, { namespace: 'game', name: 'a' }, { type: 'merge', body: {} }, { subresource: 'status' }),
    client.create(pods, pod('a')),
    client.update(nlbports, { metadata: { name: 'x' } }, { subresource: 'status' }),
  ];
  for (const call of wire.calls) call.answer(200, { metadata: {} });
  await Promise.all(calls);
  assert.deepEqual(
    wire.calls.map(({ request }) => `${request.method} ${request.path}`),
    [
      'GET /api/v1/namespaces/game/pods/a',
      'GET /api/v1/namespaces/game',
      'GET /apis/nlbports.dev/v1alpha1/nlbports/nlb-1-30000',
      'PATCH /api/v1/namespaces/game/pods/a/status?fieldManager=nlbports',
      'POST /api/v1/namespaces/game/pods?fieldManager=nlbports',
      'PUT /apis/nlbports.dev/v1alpha1/nlbports/x/status?fieldManager=nlbports',
    ],
  );
});

test('a namespaced object without a namespace is refused before anything is sent', async () => {
  const { wire, client } = setUp();
  await assert.rejects(client.get(pods, { name: 'a' }), TypeError);
  await assert.rejects(client.create(pods, { metadata: { name: 'a' }, spec: { containers: [] } }), TypeError);
  assert.equal(wire.calls.length, 0);
});

test('each form of patch has its content type and body', async () => {
  const { wire, client } = setUp();
  const key = { namespace: 'game', name: 'a' };
  const calls = [
    client.patch(pods, key, { type: 'json', operations: [{ op: 'test', path: '/a', value: 1 }] }),
    client.patch(pods, key, { type: 'merge', body: { a: null } }),
    client.patch(pods, key, { type: 'strategic', body: { b: 2 } }),
  ];
  for (const call of wire.calls) call.answer(200, {});
  await Promise.all(calls);
  assert.deepEqual(
    wire.calls.map(({ request }) => [request.headers?.['content-type'], request.body]),
    [
      ['application/json-patch+json', '[{"op":"test","path":"/a","value":1}]'],
      ['application/merge-patch+json', '{"a":null}'],
      ['application/strategic-merge-patch+json', '{"b":2}'],
    ],
  );
});

test('written objects carry their kind, as those from lists do not', async () => {
  const { wire, client } = setUp();
  const created = client.create(pods, pod('a'));
  wire.last().answer(201, {});
  await created;
  assert.deepEqual(JSON.parse(wire.last().request.body!), { ...pod('a'), apiVersion: 'v1', kind: 'Pod' });
});

test('a Status becomes a KubeError with its reason and the wait it asks for', async () => {
  const { wire, client } = setUp();
  const key = { namespace: 'game', name: 'a' };
  const answers: [number, unknown, Record<string, string>][] = [
    [409, { kind: 'Status', code: 409, reason: 'AlreadyExists', message: 'pods "a" already exists' }, {}],
    [409, { kind: 'Status', code: 409, reason: 'Conflict', message: 'the object has been modified' }, {}],
    [422, { kind: 'Status', code: 422, reason: 'Invalid', message: 'no' }, {}],
    [429, 'Too many requests, please try again later.', { 'retry-after': '1' }],
    [503, { kind: 'Status', code: 503, details: { retryAfterSeconds: 3 } }, {}],
    [502, '<html>bad gateway</html>', {}],
  ];
  const errors: KubeError[] = [];
  for (const [status, body, headers] of answers) {
    const got = client.get(pods, key).catch((error: unknown) => error);
    wire.last().answer(status, body, headers);
    const error = await got;
    assert.ok(error instanceof KubeError);
    errors.push(error);
  }
  assert.deepEqual(
    errors.map(error => [error.status, error.reason, error.retryAfterMs]),
    [
      [409, 'AlreadyExists', undefined],
      [409, 'Conflict', undefined],
      [422, 'Invalid', undefined],
      [429, 'TooManyRequests', 1000],
      [503, 'ServiceUnavailable', 3000],
      [502, 'Unknown', undefined],
    ],
  );
  assert.deepEqual(errors.map(isAlreadyExists), [true, false, false, false, false, false]);
  assert.deepEqual(errors.map(isConflict), [false, true, false, false, false, false]);
  assert.deepEqual(errors.map(isInvalid), [false, false, true, false, false, false]);
  assert.deepEqual(errors.map(isOutcomeUnknown), [false, false, false, false, true, true]);
});

test('an answer that does not come, breaks off or is not whole JSON is no answer', async () => {
  const { wire, clock, client } = setUp();
  const key = { namespace: 'game', name: 'a' };
  const faults: (() => Promise<void> | void)[] = [
    () => wire.last().fail(),
    () => wire.last().begin().cut(),
    () => wire.last().answer(200, '{"metadata":{"na'),
    () => wire.last().answer(200, '"text"'),
    () => clock.advance(10_000),
    async () => {
      // Headers in time, the body never whole.
      wire.last().begin().text('{"metadata":');
      await clock.advance(10_000);
    },
  ];
  for (const fault of faults) {
    const got = client.patch(pods, key, { type: 'merge', body: {} }).catch((error: unknown) => error);
    await fault();
    const error = await got;
    assert.ok(error instanceof KubeNoAnswer, String(error));
    assert.ok(isOutcomeUnknown(error));
  }
  assert.equal(clock.pending, 0, 'no timer is left behind');
});

test('a request ends with its signal, and is not sent where that was aborted before', async () => {
  const { wire, client } = setUp();
  const abort = new AbortController();
  const got = client.get(pods, { namespace: 'game', name: 'a' }, { signal: abort.signal });
  abort.abort();
  await assert.rejects(got, KubeNoAnswer);
  assert.ok(wire.last().aborted());
  await assert.rejects(client.get(pods, { namespace: 'game', name: 'a' }, { signal: abort.signal }), KubeNoAnswer);
  assert.equal(wire.calls.length, 1);
});

test('list() follows the pages to the end and gives each object its kind', async () => {
  const { wire, clock, client } = setUp();
  const listed = client.list(pods, { labelSelector: 'nlbports.dev/pool' });
  await clock.settle();
  assert.equal(wire.last().request.path, '/api/v1/pods?labelSelector=nlbports.dev%2Fpool&limit=500');
  wire.last().answer(200, { metadata: { resourceVersion: '7', continue: 'more' }, items: [pod('a')] });
  await clock.settle();
  assert.equal(wire.last().query.get('continue'), 'more');
  wire.last().answer(200, { metadata: { resourceVersion: '7' }, items: [pod('b')] });
  const { items, resourceVersion } = await listed;
  assert.deepEqual(
    items.map(item => [item.kind, item.metadata.name]),
    [
      ['Pod', 'a'],
      ['Pod', 'b'],
    ],
  );
  assert.equal(resourceVersion, '7');
});

test('list() starts over without pages when the continue token expired, and keeps nothing of before', async () => {
  const { wire, clock, client } = setUp();
  const listed = client.list(pods);
  wire.last().answer(200, { metadata: { resourceVersion: '7', continue: 'more' }, items: [pod('gone-since')] });
  await clock.settle();
  wire.last().answer(410, { kind: 'Status', code: 410, reason: 'Expired' });
  await clock.settle();
  assert.equal(wire.last().query.get('limit'), null);
  wire.last().answer(200, { metadata: { resourceVersion: '9' }, items: [pod('b')] });
  assert.deepEqual(
    (await listed).items.map(item => item.metadata.name),
    ['b'],
  );
});

test('list() is whole or throws: a page that fails, or that is no list, gives nothing', async () => {
  const { wire, clock, client } = setUp();
  const half = client.list(pods).catch((error: unknown) => error);
  wire.last().answer(200, { metadata: { resourceVersion: '7', continue: 'more' }, items: [pod('a')] });
  await clock.settle();
  wire.last().answer(500, { kind: 'Status', code: 500, reason: 'InternalError', message: 'etcd' });
  assert.ok((await half) instanceof KubeError);
  const odd = client.list(pods).catch((error: unknown) => error);
  wire.last().answer(200, { kind: 'PodList' });
  assert.ok((await odd) instanceof KubeNoAnswer);
  const expiredTwice = client.list(pods).catch((error: unknown) => error);
  wire.last().answer(410, { kind: 'Status', code: 410, reason: 'Expired' });
  await clock.settle();
  wire.last().answer(410, { kind: 'Status', code: 410, reason: 'Expired' });
  assert.ok(isExpired(await expiredTwice));
});

test('delete() sends its preconditions and takes an absent object for deleted', async () => {
  const { wire, client } = setUp();
  const deleted = client.delete(pods, { namespace: 'game', name: 'a' }, { uid: 'u', gracePeriodSeconds: 0 });
  assert.deepEqual(JSON.parse(wire.last().request.body!), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds: 0,
    preconditions: { uid: 'u' },
  });
  wire.last().answer(404, { kind: 'Status', code: 404, reason: 'NotFound' });
  await deleted;
  const refused = client.delete(pods, { namespace: 'game', name: 'a' }, { uid: 'v' });
  wire.last().answer(409, { kind: 'Status', code: 409, reason: 'Conflict' });
  await assert.rejects(refused, isConflict);
  const missing = client.get(pods, { namespace: 'game', name: 'a' });
  wire.last().answer(404, { kind: 'Status', code: 404, reason: 'NotFound' });
  await assert.rejects(missing, isNotFound);
});

test('a path that is not served is told apart from an object that is not there', async () => {
  const { wire, client } = setUp();
  const answers = [
    [{ kind: 'Status', code: 404, reason: 'NotFound', details: { name: 'a', kind: 'pods' } }, true],
    // What kube-apiserver 1.36.1 answers for a resource of a group that it serves, and of one that it does not.
    [{ kind: 'Status', code: 404, reason: 'NotFound', details: {} }, false],
    ['404 page not found\n', false],
  ] as const;
  for (const [body, isGone] of answers) {
    const missing = client.get(pods, { namespace: 'game', name: 'a' });
    wire.last().answer(404, body);
    await assert.rejects(missing, error => isNotFound(error) === isGone);
  }
});
