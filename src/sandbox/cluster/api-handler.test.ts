import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { createCluster } from './cluster.ts';

test('a warning about a field whose name is no ASCII goes into a header that can be sent', async () => {
  const cluster = createCluster({ clock: virtualClock(), random: seededRandom(1), log: silentLog() });
  const answer = await cluster.transport.request({
    method: 'POST',
    path: '/api/v1/namespaces/default/configmaps?fieldValidation=Warn',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', 字: 1 } }),
  });
  assert.equal(answer.status, 201);
  assert.match(answer.headers.warning ?? '', /^299 - "[ -~]+"$/);
  await cluster.stop();
});
