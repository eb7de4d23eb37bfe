import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sleep } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { KubeError } from './kube-error.ts';
import {
  createWorkQueue,
  MIN_REQUEUE_MS,
  type Priority,
  type ReconcileResult,
  requeueAfter,
  requeueAt,
  type WorkQueueObserver,
} from './work-queue.ts';

function setUp(observer: WorkQueueObserver = {}) {
  const clock = virtualClock();
  const queue = createWorkQueue({ clock, random: seededRandom(1), log: silentLog(), name: 'test', observer });
  const stop = new AbortController();
  return { clock, queue, stop };
}

test('keys go by priority, then by arrival, each once', async () => {
  const { clock, queue, stop } = setUp();
  const seen: string[] = [];
  queue.add('late', 2);
  queue.add('a');
  queue.add('b', 1);
  queue.add('urgent', 0);
  queue.add('a', 1);
  queue.add('late-but-raised', 2);
  queue.add('late-but-raised', 0);
  assert.equal(queue.depth, 5);
  const run = queue.run(stop.signal, 1, async key => {
    seen.push(key);
    return {};
  });
  await clock.settle();
  assert.deepEqual(seen, ['urgent', 'late-but-raised', 'a', 'b', 'late']);
  stop.abort();
  await run;
});

test('a key added while it is worked on comes again, and never runs twice at once', async () => {
  const { clock, queue, stop } = setUp();
  let running = 0;
  let turns = 0;
  const run = queue.run(stop.signal, 4, async () => {
    running += 1;
    assert.equal(running, 1);
    turns += 1;
    await sleep(clock, 100);
    running -= 1;
    return {};
  });
  queue.add('a');
  await clock.advance(10);
  queue.add('a');
  queue.add('a', 0);
  assert.equal(queue.depth, 0);
  await clock.advance(1_000);
  assert.equal(turns, 2);
  stop.abort();
  await run;
});

test('run() never works on more keys at once than asked, whatever is added when', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(
        fc.record({ key: fc.integer({ min: 0, max: 6 }), atMs: fc.nat(200), priority: fc.constantFrom(0, 1, 2) }),
      ),
      async (concurrency, additions) => {
        const { clock, queue, stop } = setUp();
        const running = new Set<string>();
        const lastStart = new Map<string, number>();
        let most = 0;
        const run = queue.run(stop.signal, concurrency, async key => {
          assert.ok(!running.has(key), 'one worker per key');
          running.add(key);
          lastStart.set(key, clock.monotonicMs());
          most = Math.max(most, running.size);
          await sleep(clock, 30);
          running.delete(key);
          return {};
        });
        const lastAdd = new Map<string, number>();
        for (const { key, atMs, priority } of additions) {
          clock.after(atMs, () => {
            queue.add(`k${key}`, priority as Priority);
            lastAdd.set(`k${key}`, clock.monotonicMs());
          });
        }
        await clock.advance(20_000);
        assert.ok(most <= concurrency);
        for (const [key, atMs] of lastAdd) {
          assert.ok((lastStart.get(key) ?? -1) >= atMs, 'every addition is followed by a turn');
        }
        assert.equal(queue.depth, 0);
        stop.abort();
        await run;
      },
    ),
    { numRuns: 100 },
  );
});

test('the earliest of several delays for one key counts', async () => {
  const { clock, queue, stop } = setUp();
  const seenAtMs: number[] = [];
  const run = queue.run(stop.signal, 1, async () => {
    seenAtMs.push(clock.monotonicMs());
    return {};
  });
  queue.addAfter('a', 500);
  queue.addAfter('a', 200);
  queue.addAfter('a', 900);
  await clock.advance(2_000);
  assert.deepEqual(seenAtMs, [200]);
  stop.abort();
  await run;
});

test('a requeue is moot once something else brought the key back', async () => {
  const { clock, queue, stop } = setUp();
  const seenAtMs: number[] = [];
  const run = queue.run(stop.signal, 1, async () => {
    seenAtMs.push(clock.monotonicMs());
    return seenAtMs.length < 3 ? { requeueAfterMs: 1_000 } : {};
  });
  queue.add('a');
  await clock.advance(400);
  queue.add('a');
  await clock.advance(5_000);
  assert.deepEqual(seenAtMs, [0, 400, 1_400]);
  stop.abort();
  await run;
});

test('errors bring a key back with waits that double, and a good end forgets them', async () => {
  const { clock, queue, stop } = setUp();
  const seenAtMs: number[] = [];
  let failing = true;
  const run = queue.run(stop.signal, 1, async () => {
    seenAtMs.push(clock.monotonicMs());
    if (failing) throw new Error('no');
    return {};
  });
  queue.add('a');
  await clock.advance(600_000);
  const waits = seenAtMs.slice(1).map((atMs, index) => atMs - seenAtMs[index]!);
  waits.forEach((waitMs, index) => {
    const fullMs = Math.min(60_000, 50 * 2 ** index);
    assert.ok(waitMs >= fullMs / 2 && waitMs <= fullMs, `wait ${index} of ${waitMs} ms within ${fullMs / 2}-${fullMs}`);
  });
  assert.ok(waits.length > 12);
  failing = false;
  queue.add('a');
  await clock.advance(0);
  failing = true;
  const before = seenAtMs.length;
  queue.add('a');
  await clock.advance(50);
  assert.equal(seenAtMs.length, before + 2, 'the first wait is short again');
  stop.abort();
  await run;
});

test('a wait that the server asked for is kept', async () => {
  const { clock, queue, stop } = setUp();
  const seenAtMs: number[] = [];
  const run = queue.run(stop.signal, 1, async () => {
    seenAtMs.push(clock.monotonicMs());
    if (seenAtMs.length === 1) throw new KubeError(429, 'TooManyRequests', 'slow down', 7_000);
    return {};
  });
  queue.add('a');
  await clock.advance(20_000);
  assert.deepEqual(seenAtMs, [0, 7_000]);
  stop.abort();
  await run;
});

test('requeues below the floor are refused, and a reconcile that asks for none at all waits like one that failed', async () => {
  assert.throws(() => requeueAfter(0), RangeError);
  assert.throws(() => requeueAfter(Number.NaN), RangeError);
  assert.deepEqual(requeueAfter(MIN_REQUEUE_MS), { requeueAfterMs: MIN_REQUEUE_MS });
  const { clock, queue, stop } = setUp();
  assert.deepEqual(requeueAt(clock, clock.nowMs() - 5), { requeueAfterMs: MIN_REQUEUE_MS });
  assert.deepEqual(requeueAt(clock, clock.nowMs() + 5_000), { requeueAfterMs: 5_000 });
  let turns = 0;
  const run = queue.run(stop.signal, 1, async (): Promise<ReconcileResult> => {
    turns += 1;
    return { requeueAfterMs: 0 };
  });
  queue.add('a');
  await clock.advance(60_000);
  assert.ok(turns > 1 && turns < 15, `${turns} turns in a minute`);
  stop.abort();
  await run;
});

test('run() ends after the reconciles under way, takes no more, and a second run goes on with what waited', async () => {
  const { clock, queue, stop } = setUp();
  const done: string[] = [];
  const reconcile = async (key: string) => {
    await sleep(clock, 100);
    done.push(key);
    return {};
  };
  const run = queue.run(stop.signal, 1, reconcile);
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 150);
  await clock.advance(10);
  stop.abort();
  let ended = false;
  run.then(() => {
    ended = true;
  });
  await clock.settle();
  assert.equal(ended, false);
  await clock.advance(1_000);
  assert.equal(ended, true);
  assert.deepEqual(done, ['a']);
  assert.equal(queue.depth, 1);
  assert.equal(clock.pending, 0, 'no timer keeps the process alive');

  const second = new AbortController();
  const rerun = queue.run(second.signal, 1, reconcile);
  await clock.advance(1_000);
  assert.deepEqual(done, ['a', 'b', 'c']);
  second.abort();
  await rerun;
});

test('metrics see additions, waits, work and retries; the probes see what runs', async () => {
  const seen: string[] = [];
  const { clock, queue, stop } = setUp({
    added: (name, priority) => seen.push(`added ${name} ${priority}`),
    started: (_, waitedMs) => seen.push(`started ${waitedMs}`),
    ended: (_, workedMs, outcome) => seen.push(`ended ${workedMs} ${outcome}`),
    retried: () => seen.push('retried'),
  });
  let fails = true;
  queue.add('a');
  queue.add('a');
  await clock.advance(40);
  const run = queue.run(stop.signal, 2, async () => {
    await sleep(clock, 100);
    if (!fails) return {};
    fails = false;
    throw new Error('no');
  });
  await clock.advance(30);
  queue.add('b');
  await clock.advance(20);
  assert.equal(queue.oldestRunningMs(), 50);
  assert.equal(queue.unfinishedWorkMs(), 70);
  await clock.advance(1_000);
  assert.deepEqual([queue.oldestRunningMs(), queue.unfinishedWorkMs(), queue.depth], [0, 0, 0]);
  assert.deepEqual(seen, [
    'added test 1',
    'started 40',
    'added test 1',
    'started 0',
    'ended 100 error',
    'retried',
    'ended 100 success',
    'added test 1',
    'started 0',
    'ended 100 success',
  ]);
  stop.abort();
  await run;
});
