import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../runtime/random.ts';
import { createApi } from './conformance/api.ts';
import { configMap } from './conformance/samples.ts';
import { type KubeFault, LostAnswer, withFaults } from './faults.ts';
import { testCluster } from './test-cluster.fixture.ts';

function faulty(faults: KubeFault[]) {
  const { cluster, clock, api } = testCluster();
  const wrapped = withFaults({ transport: cluster.transport, clock, random: seededRandom(3), faults });
  return { cluster, clock, plain: api, ...wrapped, api: createApi(wrapped.transport, 'default', 'faulty') };
}

describe('withFaults()', () => {
  it('loses an answer after the change was made', async () => {
    const { api, plain } = faulty([{ kind: 'lost', methods: ['POST'] }]);
    await assert.rejects(api.post(api.at('configmaps'), configMap('a')), LostAnswer);
    assert.equal((await plain.get(api.at('configmaps', 'a'))).status, 200);
  });

  it('drops a request without carrying it out', async () => {
    const { api, plain } = faulty([{ kind: 'dropped', times: 1 }]);
    await assert.rejects(api.post(api.at('configmaps'), configMap('a')), LostAnswer);
    assert.equal((await plain.get(api.at('configmaps', 'a'))).status, 404);
    assert.equal((await api.post(api.at('configmaps'), configMap('a'))).status, 201);
  });

  it('answers a doubled request with what the second one came to', async () => {
    const { api } = faulty([{ kind: 'doubled', methods: ['POST'] }]);
    assert.equal((await api.post(api.at('configmaps'), configMap('a'))).status, 409);
  });

  it('throttles with a Retry-After, and fails with the status asked for', async () => {
    const { api, list } = faulty([
      { kind: 'throttle', times: 1, retryAfterSeconds: 3 },
      { kind: 'error', times: 1, status: 503 },
    ]);
    const throttled = await api.get('/api/v1/pods');
    assert.equal(throttled.status, 429);
    assert.equal(throttled.headers['retry-after'], '3');
    assert.equal(throttled.body.reason, 'TooManyRequests');
    assert.equal((await api.get('/api/v1/pods')).status, 503);
    assert.equal((await api.get('/api/v1/pods')).status, 200);
    assert.deepEqual(
      list().map(rule => rule.struck),
      [1, 1],
    );
  });

  it('strikes the share of requests that it is told, the same ones for the same seed', async () => {
    const run = async () => {
      const { api } = faulty([{ kind: 'error', probability: 0.5 }]);
      const found = [];
      for (let index = 0; index < 40; index++) found.push((await api.get('/api/v1/pods')).status);
      return found;
    };
    const first = await run();
    assert.deepEqual(await run(), first);
    const struck = first.filter(status => status === 500).length;
    assert.ok(struck > 10 && struck < 30, String(struck));
  });

  it('delays a request, and an answer', async () => {
    const { api, clock, plain, set } = faulty([{ kind: 'late', delayMs: 500, methods: ['POST'] }]);
    const late = api.post(api.at('configmaps'), configMap('a'));
    await clock.advance(400);
    assert.equal((await plain.get(api.at('configmaps', 'a'))).status, 404);
    await clock.advance(200);
    assert.equal((await late).status, 201);
    set([{ kind: 'hang', delayMs: 500, methods: ['POST'] }]);
    const hanging = api.post(api.at('configmaps'), configMap('b'));
    await clock.advance(1);
    assert.equal((await plain.get(api.at('configmaps', 'b'))).status, 200);
    await clock.advance(500);
    assert.equal((await hanging).status, 201);
  });

  const readLines = (body: AsyncIterable<Uint8Array>) => {
    const lines: string[] = [];
    const done = (async () => {
      for await (const chunk of body) lines.push(JSON.parse(Buffer.from(chunk).toString()).type);
    })();
    return { lines, done };
  };

  it('cuts a watch, and ends one in order', async () => {
    const { transport, clock, set, cluster } = faulty([{ kind: 'cut', delayMs: 1000 }]);
    const watch = async () =>
      readLines((await transport.request({ method: 'GET', path: '/api/v1/pods?watch=true' })).body);
    const cut = await watch();
    const broken = assert.rejects(cut.done, LostAnswer);
    await clock.advance(1000);
    await broken;
    set([{ kind: 'end', delayMs: 1000 }]);
    const ended = await watch();
    await clock.advance(1000);
    await ended.done;
    assert.equal(cluster.openWatches, 0);
  });

  it('slows a watch down without losing or reordering anything', async () => {
    const { transport, clock, plain } = faulty([{ kind: 'slow', delayMs: 1000 }]);
    const path = `${plain.at('configmaps')}?watch=true&resourceVersion=0`;
    const { lines } = readLines((await transport.request({ method: 'GET', path })).body);
    await plain.post(plain.at('configmaps'), configMap('a'));
    await plain.remove(plain.at('configmaps', 'a'));
    await clock.advance(999);
    assert.deepEqual(lines, []);
    await clock.advance(1001);
    assert.deepEqual(lines, ['ADDED', 'DELETED']);
  });

  it('tells a watch that its version is too old', async () => {
    const { api } = faulty([{ kind: 'expired' }]);
    const reader = await api.watch('/api/v1/pods?resourceVersion=101');
    const [line] = await reader.rest();
    assert.equal(line!.type, 'ERROR');
    assert.equal(line!.object.code, 410);
  });
});
