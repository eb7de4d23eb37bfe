import type { Random } from '../runtime/random.ts';

/** Waits that double with every failure. */
export interface Backoff {
  /** The wait before the next try, after one more failure; at least `atLeastMs` where the server asked for it. */
  nextMs(atLeastMs?: number): number;
  /** A success: the next failure begins at the shortest wait again. */
  reset(): void;
}

/**
 * Waits from `baseMs`, doubling, up to `maxMs`; each is shortened by chance to between half and all of it, so that many
 * who failed together don't come back together.
 */
export function createBackoff(random: Random, baseMs: number, maxMs: number): Backoff {
  let failures = 0;
  return {
    nextMs(atLeastMs = 0) {
      const waitMs = backoffMs(random, baseMs, maxMs, failures);
      failures += 1;
      return Math.max(waitMs, atLeastMs);
    },
    reset() {
      failures = 0;
    },
  };
}

/** The wait after `failures` earlier ones (0 for the first). */
export function backoffMs(random: Random, baseMs: number, maxMs: number, failures: number): number {
  // 2^40 ms is 34 years: the exponent is cut there so that it never becomes infinite.
  const fullMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 40));
  return fullMs * (0.5 + random.next() / 2);
}
