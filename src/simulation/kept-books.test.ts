import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { KeptWorkerData } from './kept-worker.fixture.ts';

/** These forget what is oldest when they are full. */
const bounded = new Set([
  'kube/event-recorder.ts buckets',
  'kube/event-recorder.ts seriesByKey',
  'kube/object-cache.ts tombstones',
]);

test('a leader and a standby keep no more in mind after five times as many rooms, Services and pools have gone', async () => {
  const [first = {}, last = {}] = await countsAfter({ rounds: [1, 4] });
  // The caches show the six ports that stay: the recorder sees what the product keeps.
  assert.ok((first['kube/object-cache.ts objects'] ?? 0) >= 12, JSON.stringify(first));
  const grown = Object.entries(last).filter(([place, kept]) => !bounded.has(place) && kept > (first[place] ?? 0));
  assert.deepEqual(grown, [], `after the first: ${JSON.stringify(first)}`);
});

/** What two operators keep in mind, counted in a thread of its own. */
function countsAfter(workerData: KeptWorkerData): Promise<Record<string, number>[]> {
  return new Promise((resolve, reject) => {
    const counts: Record<string, number>[] = [];
    const worker = new Worker(new URL('./kept-worker.fixture.ts', import.meta.url), { workerData });
    worker.on('message', count => counts.push(count));
    worker.on('error', reject);
    worker.on('exit', () => resolve(counts));
  });
}
