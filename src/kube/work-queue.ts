import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { backoffMs } from './backoff.ts';

/** Thrown by a reconcile that has told users and log why it failed: the queue only brings its key back later. */
export class ToldError extends Error {
  override readonly name: string = 'ToldError';
}

/** What a reconcile says about its next turn: nothing, or a time. */
export interface ReconcileResult {
  /** Come back after so many milliseconds, unless something else brings the key back earlier. */
  requeueAfterMs?: number;
}

/** Lower numbers go first; keys of the same priority in order of arrival. */
export type Priority = 0 | 1 | 2;

/**
 * A queue of keys: a key is held once, is worked on by one worker at a time, and comes again if it was added meanwhile.
 * A thrown error brings the key back with exponential backoff; a good end forgets the backoff.
 */
export interface WorkQueue {
  /** Priority 1 where none is given. A key that waits already keeps the better one of its priorities. */
  add(key: string, priority?: Priority): void;
  /** Adds the key after a delay; the earliest of several delays for one key counts. */
  addAfter(key: string, delayMs: number, priority?: Priority): void;
  /** Works with `concurrency` workers until `signal` is aborted; resolves when the last reconcile has ended. */
  run(signal: AbortSignal, concurrency: number, reconcile: (key: string) => Promise<ReconcileResult>): Promise<void>;
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Monotonic milliseconds since the oldest reconcile now running began; 0 where none runs. For the liveness probe. */
  oldestRunningMs(): number;
  /** Sum of the milliseconds that the reconciles now running have taken so far. */
  unfinishedWorkMs(): number;
}

/**
 * Told what happens in a queue, for metrics under controller-runtime's names: `added` counts workqueue_adds_total,
 * `started` observes workqueue_queue_duration_seconds, `ended` workqueue_work_duration_seconds, `retried` counts
 * workqueue_retries_total. The gauges (depth, unfinished work, longest running) are read from the queue when scraped.
 */
export interface WorkQueueObserver {
  added?(queue: string, priority: Priority): void;
  /** `waitedMs`: from being added to being taken by a worker. */
  started?(queue: string, waitedMs: number): void;
  ended?(queue: string, workedMs: number, outcome: 'success' | 'requeue' | 'error'): void;
  /** A key comes back by itself: after an error, or as its reconcile asked. */
  retried?(queue: string): void;
}

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  log: Log;
  /** Names the queue in logs and metrics. */
  name: string;
  observer?: WorkQueueObserver;
  /** Keys are taken in only while it says so. @default always */
  isOpen?: () => boolean;
  /** Wait after a first error; it doubles with each more, less up to a half by chance. @default 50 */
  backoffBaseMs?: number;
  /** @default 60000 */
  backoffMaxMs?: number;
}

/**
 * Shortest wait that a reconcile may ask for: 10 ms. To come back sooner is to poll in a loop; who wants it forgot to
 * wait for something.
 */
export const MIN_REQUEUE_MS = 10;

/** A result that asks to come back after a wait. Throws for one below `MIN_REQUEUE_MS`, or one that is no number. */
export function requeueAfter(delayMs: number): ReconcileResult {
  if (!(delayMs >= MIN_REQUEUE_MS)) {
    throw new RangeError(`Cannot come back after ${delayMs} ms: at least ${MIN_REQUEUE_MS} ms wanted.`);
  }
  return { requeueAfterMs: delayMs };
}

/** A result that asks to come back at a wall time (milliseconds since 1970), or at once where that has passed. */
export function requeueAt(clock: Clock, atMs: number): ReconcileResult {
  return requeueAfter(Math.max(MIN_REQUEUE_MS, Math.ceil(atMs - clock.nowMs())));
}

interface Delayed {
  atMs: number;
  priority: Priority;
  /** Set while the queue runs. */
  timer: Timer | undefined;
  /** True where the queue set it by itself, after an error or as asked: taking up the key earlier makes it moot. */
  own: boolean;
}

const DEFAULT_PRIORITY: Priority = 1;

/** Makes a queue. It may be filled before it runs, and run again after a run has ended; what waits stays. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { clock, random, log, name, observer = {}, isOpen = () => true } = options;
  const { backoffBaseMs = 50, backoffMaxMs = 60_000 } = options;
  /** By priority: keys that wait, with the time since when, in order of arrival. */
  const waiting = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()] as const;
  const delayed = new Map<string, Delayed>();
  const failures = new Map<string, number>();
  /** Keys being worked on, with the time since when. */
  const running = new Map<string, number>();
  /** Keys being worked on that were added meanwhile. */
  const again = new Map<string, Priority>();
  let current: { concurrency: number; reconcile: (key: string) => Promise<ReconcileResult> } | undefined;
  let pumpScheduled = false;
  let onIdle: (() => void) | undefined;

  const depth = () => waiting.reduce((sum, keys) => sum + keys.size, 0);

  function add(key: string, priority: Priority = DEFAULT_PRIORITY): void {
    if (!isOpen()) return;
    if (running.has(key)) {
      const before = again.get(key);
      if (before === undefined) observer.added?.(name, priority);
      if (before === undefined || priority < before) again.set(key, priority);
      return;
    }
    const before = waiting.findIndex(keys => keys.has(key));
    if (before >= 0 && before <= priority) return;
    let sinceMs = clock.monotonicMs();
    if (before >= 0) {
      sinceMs = waiting[before]!.get(key)!;
      waiting[before]!.delete(key);
    } else {
      observer.added?.(name, priority);
    }
    waiting[priority].set(key, sinceMs);
    schedulePump();
  }

  function delay(key: string, delayMs: number, priority: Priority, own: boolean): void {
    if (Number.isNaN(delayMs)) throw new RangeError(`Cannot add "${key}" to queue ${name} after ${delayMs} ms.`);
    if (!isOpen()) return;
    if (delayMs <= 0) {
      add(key, priority);
      return;
    }
    const atMs = clock.monotonicMs() + delayMs;
    const before = delayed.get(key);
    if (before && before.atMs <= atMs) {
      if (priority < before.priority) before.priority = priority;
      return;
    }
    before?.timer?.cancel();
    const entry: Delayed = {
      atMs,
      priority: before && before.priority < priority ? before.priority : priority,
      timer: undefined,
      own,
    };
    delayed.set(key, entry);
    if (current) arm(key, entry);
  }

  function arm(key: string, entry: Delayed): void {
    entry.timer = clock.after(Math.max(0, entry.atMs - clock.monotonicMs()), () => {
      delayed.delete(key);
      add(key, entry.priority);
    });
  }

  /** Work begins in a turn of its own, never within `add`: keys added together are taken by priority. */
  function schedulePump(): void {
    if (pumpScheduled || !current) return;
    pumpScheduled = true;
    queueMicrotask(() => {
      pumpScheduled = false;
      while (current && running.size < current.concurrency) {
        const priority = waiting.findIndex(keys => keys.size > 0) as Priority | -1;
        if (priority < 0) break;
        const [key, sinceMs] = waiting[priority as Priority].entries().next().value!;
        waiting[priority as Priority].delete(key);
        void work(key, priority as Priority, sinceMs, current.reconcile);
      }
    });
  }

  async function work(
    key: string,
    priority: Priority,
    sinceMs: number,
    reconcile: (key: string) => Promise<ReconcileResult>,
  ): Promise<void> {
    const startedMs = clock.monotonicMs();
    running.set(key, startedMs);
    observer.started?.(name, startedMs - sinceMs);
    const moot = delayed.get(key);
    if (moot?.own) {
      moot.timer?.cancel();
      delayed.delete(key);
    }
    let outcome: 'success' | 'requeue' | 'error' = 'success';
    let waitMs: number | undefined;
    try {
      const { requeueAfterMs } = await reconcile(key);
      if (requeueAfterMs !== undefined) {
        if (!(requeueAfterMs > 0)) throw new RangeError(`A reconcile asked to come back after ${requeueAfterMs} ms.`);
        outcome = 'requeue';
        waitMs = Math.max(MIN_REQUEUE_MS, requeueAfterMs);
      }
      failures.delete(key);
    } catch (error) {
      outcome = 'error';
      const failed = failures.get(key) ?? 0;
      failures.set(key, failed + 1);
      waitMs = Math.max(backoffMs(random, backoffBaseMs, backoffMaxMs, failed), retryAfterOf(error));
      const fields = { queue: name, key, failures: failed + 1, waitMs: Math.round(waitMs), err: error };
      if (error instanceof ToldError) log.debug(fields, 'A reconcile failed, as was told.');
      else log.warn(fields, 'A reconcile failed.');
    }
    running.delete(key);
    observer.ended?.(name, clock.monotonicMs() - startedMs, outcome);
    if (waitMs !== undefined) {
      observer.retried?.(name);
      delay(key, waitMs, priority, true);
    }
    const readd = again.get(key);
    if (readd !== undefined) {
      again.delete(key);
      waiting[readd].set(key, clock.monotonicMs());
    }
    schedulePump();
    if (running.size === 0) onIdle?.();
  }

  return {
    add,
    addAfter: (key, delayMs, priority = DEFAULT_PRIORITY) => delay(key, delayMs, priority, false),
    async run(signal, concurrency, reconcile) {
      if (current || running.size > 0) throw new Error(`Queue ${name} runs already.`);
      if (signal.aborted) return;
      current = { concurrency, reconcile };
      for (const [key, entry] of delayed) arm(key, entry);
      schedulePump();
      await new Promise<void>(resolve => {
        const stop = () => {
          current = undefined;
          for (const entry of delayed.values()) {
            entry.timer?.cancel();
            entry.timer = undefined;
          }
          if (running.size === 0) resolve();
          else onIdle = resolve;
        };
        signal.addEventListener('abort', stop, { once: true });
      });
      onIdle = undefined;
    },
    get depth() {
      return depth();
    },
    oldestRunningMs() {
      // Kept in order of their start, so the first is the oldest.
      const oldest = running.values().next().value;
      return oldest === undefined ? 0 : clock.monotonicMs() - oldest;
    },
    unfinishedWorkMs() {
      const nowMs = clock.monotonicMs();
      return [...running.values()].reduce((sum, startedMs) => sum + nowMs - startedMs, 0);
    },
  };
}

/** How long the server asked to be left alone, as `KubeError` and errors like it carry it. */
function retryAfterOf(error: unknown): number {
  const asked = (error as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs;
  return typeof asked === 'number' && asked > 0 ? asked : 0;
}
