import type { Clock, Timer } from '../../runtime/clock.ts';

/** Something that ends when nothing has passed through it for a while. */
export interface Idling {
  /** When the last byte passed, by the monotonic clock. */
  lastMs: number;
  end(): void;
}

/** Ends idle flows with one timer for all of them; none runs while there is no flow. */
export interface IdleSweep {
  /** To be called whenever a flow was added. */
  watch(): void;
  stop(): void;
}

/** `idleMs` is read anew each time, as it can be changed while flows live. */
export function createIdleSweep(deps: { clock: Clock; idleMs(): number; flows(): Iterable<Idling> }): IdleSweep {
  const { clock } = deps;
  let timer: Timer | undefined;

  function sweep(): void {
    timer = undefined;
    const nowMs = clock.monotonicMs();
    const idleMs = deps.idleMs();
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const flow of [...deps.flows()]) {
      if (nowMs - flow.lastMs >= idleMs) flow.end();
      else oldestMs = Math.min(oldestMs, flow.lastMs);
    }
    if (oldestMs === Number.POSITIVE_INFINITY) return;
    // Not more often than this, so that thousands of flows with different ages don't mean thousands of sweeps.
    schedule(Math.max(oldestMs + idleMs - nowMs, idleMs / 32));
  }

  function schedule(delayMs: number): void {
    timer = clock.after(delayMs, sweep);
  }

  return {
    watch() {
      if (!timer) schedule(deps.idleMs());
    },
    stop() {
      timer?.cancel();
      timer = undefined;
    },
  };
}
