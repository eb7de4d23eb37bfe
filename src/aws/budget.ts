import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import {
  type BucketName,
  type BudgetRow,
  type BudgetRows,
  type CallClass,
  callClasses,
  documentedBudget,
  withMargin,
} from './documented-budget.ts';
import { type CallPriority, callPriorities, type Elbv2Action } from './elbv2-api.ts';

/** How an attempt ended: `unsent` gives its tokens back, `throttled` slows its class down. */
export type AttemptOutcome = 'answered' | 'throttled' | 'unsent';

/** One call's place in the queue; it is kept when the call has to be repeated. */
export interface Place {
  /**
   * Waits until the call may be sent, and takes a token of its class and one of the account for it. Resolves with the
   * milliseconds waited; rejects with the signal's reason where it is aborted first. `done` must follow every take.
   */
  take(): Promise<number>;
  /** The attempt has ended. */
  done(outcome: AttemptOutcome): void;
}

export interface PlaceOptions {
  priority: CallPriority;
  /** Among calls of one priority the smallest goes first; wall time in milliseconds. @default the time of `enter` */
  waitingSinceMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Says who may call AWS now, so that the account's rate is never passed and the most urgent call goes first. */
export interface Budget {
  enter(action: Elbv2Action, options: PlaceOptions): Place;
  /** Calls that wait now. */
  waiting(): number;
  /** Share of its rate that a class has at present: below 1 while it recovers from throttling. */
  rateShare(callClass: CallClass): number;
}

export interface BudgetDeps {
  clock: Clock;
  random: Random;
  log: Log;
  observer?: BudgetObserver | undefined;
}

/** For metrics. */
export interface BudgetObserver {
  /** A throttled answer has slowed the class down to this share of its rate. */
  slowed?(callClass: CallClass, rateShare: number): void;
}

/** How a class answers to throttling; the shape is that of TCP's congestion control. */
export const throttleReaction = {
  /** A throttled answer multiplies the rate by this. */
  decrease: 0.5,
  /** Share of the rate won back each second without throttling: 20 s from nothing to all. */
  recoveryPerSecond: 0.05,
  /**
   * The class rests for about this long after a throttled answer, doubled with each one that follows another. What is
   * won back while it rests keeps the rate from falling to nothing: a few percent is the least.
   */
  pauseMs: 400,
  maxPauseMs: 5000,
} as const;

/**
 * Attempts in the air at once. With the documented budget no more than burst + rate x time-out can be
 * (40 + 10/s x 5 s = 90), so this only bounds sockets where there is no budget or the endpoint hangs.
 */
export const maxInFlight = 96;

interface Bucket {
  row: BudgetRow | undefined;
  /** Stands in for a missing row while an endpoint that was said not to throttle does. */
  fallback: BudgetRow;
  tokens: number;
  readMs: number;
  share: number;
  slowedMs: number;
  pausedUntilMs: number;
  pauseMs: number;
}

interface Waiter {
  callClass: CallClass;
  priority: number;
  sinceMs: number;
  sequence: number;
  enteredMs: number;
  go(): void;
}

// Refilling in many small steps must not lose a token to rounding.
const wholeToken = 1 - 1e-9;
const classNames: readonly CallClass[] = ['register', 'mutate', 'describe'];

/**
 * Continuous token buckets, one per class of calls and one for the account. A call takes from both at once. Waiters go
 * in order of `callPriorities`, then by age. One that lacks a token of its class lets other classes pass; one that lacks
 * a token of the account lets nobody pass. `rows` are AWS's own figures; a small margin is left unused.
 */
export function createBudget(deps: BudgetDeps, rows: BudgetRows = documentedBudget): Budget {
  const { clock, random, log, observer } = deps;
  const account = newBucket('account');
  const buckets: Record<CallClass, Bucket> = {
    describe: newBucket('describe'),
    register: newBucket('register'),
    mutate: newBucket('mutate'),
  };
  const queues: Record<CallClass, Waiter[]> = { describe: [], register: [], mutate: [] };
  let inFlight = 0;
  let sequence = 0;
  let wake: { timer: Timer; atMs: number } | undefined;

  function newBucket(name: BucketName): Bucket {
    const row = rows[name] && withMargin(rows[name]);
    return {
      row,
      fallback: withMargin(documentedBudget[name]),
      tokens: row?.burst ?? 0,
      readMs: clock.monotonicMs(),
      share: 1,
      slowedMs: Number.NEGATIVE_INFINITY,
      pausedUntilMs: 0,
      pauseMs: throttleReaction.pauseMs,
    };
  }

  const limitOf = (bucket: Bucket) => bucket.row ?? (bucket.share < 1 ? bucket.fallback : undefined);

  function refill(bucket: Bucket, nowMs: number): void {
    const seconds = (nowMs - bucket.readMs) / 1000;
    const limit = limitOf(bucket);
    // The lower rate of the interval's begin counts for all of it: too little rather than too much.
    if (limit) bucket.tokens = Math.min(limit.burst, bucket.tokens + seconds * limit.perSecond * bucket.share);
    bucket.share = Math.min(1, bucket.share + seconds * throttleReaction.recoveryPerSecond);
    bucket.readMs = nowMs;
  }

  /** When the bucket, just refilled, has a whole token: now or later. */
  function readyMs(bucket: Bucket, nowMs: number): number {
    const limit = limitOf(bucket);
    if (!limit || bucket.tokens >= wholeToken) return Math.max(nowMs, bucket.pausedUntilMs);
    const perMs = (limit.perSecond * bucket.share) / 1000;
    return Math.max(bucket.pausedUntilMs, nowMs + (1 - bucket.tokens) / perMs);
  }

  function nextWaiter(blocked: ReadonlySet<CallClass>): Waiter | undefined {
    let first: Waiter | undefined;
    for (const name of classNames) {
      const head = queues[name][0];
      if (head && !blocked.has(name) && (!first || before(head, first))) first = head;
    }
    return first;
  }

  /** Lets go everyone who may, and sets one timer for the next who will. */
  function pump(): void {
    const nowMs = clock.monotonicMs();
    refill(account, nowMs);
    for (const name of classNames) refill(buckets[name], nowMs);
    const blocked = new Set<CallClass>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (let waiter = nextWaiter(blocked); waiter && inFlight < maxInFlight; waiter = nextWaiter(blocked)) {
      const accountReadyMs = readyMs(account, nowMs);
      if (accountReadyMs > nowMs) {
        nextMs = Math.min(nextMs, accountReadyMs);
        break;
      }
      const bucket = buckets[waiter.callClass];
      const classReadyMs = readyMs(bucket, nowMs);
      if (classReadyMs > nowMs) {
        nextMs = Math.min(nextMs, classReadyMs);
        blocked.add(waiter.callClass);
        continue;
      }
      spend(bucket, 1);
      spend(account, 1);
      inFlight += 1;
      queues[waiter.callClass].shift();
      waiter.go();
    }
    wakeAt(nextMs, nowMs);
  }

  function spend(bucket: Bucket, tokens: number): void {
    const limit = limitOf(bucket);
    if (limit) bucket.tokens = Math.min(limit.burst, bucket.tokens - tokens);
  }

  /**
   * A token that was not used. AWS's bucket, full or nearly so, may not have gained what ours has since it was taken, so
   * that much is kept back.
   */
  function giveBack(bucket: Bucket, takenMs: number): void {
    const limit = limitOf(bucket);
    if (!limit) return;
    const gained = ((clock.monotonicMs() - takenMs) / 1000) * limit.perSecond;
    spend(bucket, -Math.max(0, 1 - gained));
  }

  function wakeAt(atMs: number, nowMs: number): void {
    if (wake?.atMs === atMs) return;
    wake?.timer.cancel();
    wake = undefined;
    if (atMs === Number.POSITIVE_INFINITY) return;
    // Timers of the real clock count whole milliseconds: rounding up spares a second look.
    const timer = clock.after(Math.ceil(atMs - nowMs), () => {
      wake = undefined;
      pump();
    });
    wake = { timer, atMs };
  }

  function slowDown(callClass: CallClass, takenMs: number): void {
    const nowMs = clock.monotonicMs();
    const bucket = buckets[callClass];
    refill(bucket, nowMs);
    // Calls that were already in the air when the class slowed down tell nothing new.
    if (takenMs < bucket.slowedMs) return;
    const follows = bucket.share < 1;
    bucket.share *= throttleReaction.decrease;
    bucket.tokens = 0;
    bucket.slowedMs = nowMs;
    bucket.pauseMs = follows ? Math.min(throttleReaction.maxPauseMs, bucket.pauseMs * 2) : throttleReaction.pauseMs;
    bucket.pausedUntilMs = nowMs + bucket.pauseMs * (0.5 + random.next());
    log.warn({ callClass, rateShare: bucket.share }, 'AWS throttles: slowing down');
    observer?.slowed?.(callClass, bucket.share);
  }

  return {
    waiting: () => classNames.reduce((sum, name) => sum + queues[name].length, 0),
    rateShare(callClass) {
      refill(buckets[callClass], clock.monotonicMs());
      return buckets[callClass].share;
    },
    enter(action, options) {
      const callClass = callClasses[action];
      const place = {
        callClass,
        priority: callPriorities.indexOf(options.priority),
        sinceMs: options.waitingSinceMs ?? clock.nowMs(),
        sequence: sequence++,
      };
      const { signal } = options;
      let takenMs = 0;
      return {
        take: () =>
          new Promise((resolve, reject) => {
            if (signal?.aborted) return reject(signal.reason);
            const enteredMs = clock.monotonicMs();
            const onAbort = () => {
              const queue = queues[callClass];
              queue.splice(queue.indexOf(waiter), 1);
              reject(signal?.reason);
              pump();
            };
            const waiter: Waiter = {
              ...place,
              enteredMs,
              go() {
                signal?.removeEventListener('abort', onAbort);
                takenMs = clock.monotonicMs();
                resolve(takenMs - enteredMs);
              },
            };
            signal?.addEventListener('abort', onAbort, { once: true });
            insert(queues[callClass], waiter);
            pump();
          }),
        done(outcome) {
          inFlight -= 1;
          if (outcome === 'unsent') {
            giveBack(buckets[callClass], takenMs);
            giveBack(account, takenMs);
          } else if (outcome === 'throttled') {
            slowDown(callClass, takenMs);
          }
          pump();
        },
      };
    },
  };
}

function before(a: Waiter, b: Waiter): boolean {
  if (a.priority !== b.priority) return a.priority < b.priority;
  if (a.sinceMs !== b.sinceMs) return a.sinceMs < b.sinceMs;
  return a.sequence < b.sequence;
}

/** Nearly everyone goes to the end, so the search begins there. */
function insert(queue: Waiter[], waiter: Waiter): void {
  let index = queue.length;
  while (index > 0 && before(waiter, queue[index - 1]!)) index -= 1;
  queue.splice(index, 0, waiter);
}
