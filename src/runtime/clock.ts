/** A timer that was set and may still be taken back. */
export interface Timer {
  /** Takes the timer back; a timer that has fired already is left as it is. */
  cancel(): void;
}

/**
 * The only source of time in the product: wall time and timers, handed in to everything that waits, so that a
 * simulation can move time by itself. Only `src/runtime/` touches `Date.now` and `setTimeout`.
 */
export interface Clock {
  /** Wall time in milliseconds since 1970. It may jump; never subtract two readings to measure a lease. */
  nowMs(): number;
  /** Monotonic time in milliseconds from an arbitrary start. */
  monotonicMs(): number;
  /** Calls `run` once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
}

/** Node fires a longer timeout at once: its delay is a signed number of 32 bits. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The machine's own clock. Its timers keep the process alive unless `unref` is asked for. */
export function systemClock(options: { unref?: boolean } = {}): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after(delayMs, run) {
      let handle: NodeJS.Timeout;
      const wait = (restMs: number) => {
        const next = restMs > longestTimeoutMs ? () => wait(restMs - longestTimeoutMs) : run;
        handle = setTimeout(next, Math.min(restMs, longestTimeoutMs));
        if (options.unref) handle.unref();
      };
      wait(delayMs);
      return { cancel: () => clearTimeout(handle) };
    },
  };
}

/**
 * Resolves after `delayMs`, or as soon as `signal` is aborted: check the signal afterwards where that matters.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve();
    const onAbort = () => {
      timer.cancel();
      resolve();
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
