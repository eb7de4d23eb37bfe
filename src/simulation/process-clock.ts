import type { Clock, Timer } from '../runtime/clock.ts';

/** The time of one process, which may stand still while the world's goes on, and whose wall clock may be wrong. */
export interface ProcessClock extends Clock {
  /** Stops the process as SIGSTOP does: no timer fires. The monotonic clock goes on. */
  pause(): void;
  /** Goes on: what was due meanwhile fires now, in its order. */
  resume(): void;
  /** Sets the wall clock so many milliseconds off the world's; the monotonic clock knows nothing of it. */
  setSkew(skewMs: number): void;
  /** Resolves when the process runs; undefined while it does. */
  whenRunning(): Promise<void> | undefined;
}

/** Makes the clock of one process out of the world's. */
export function createProcessClock(world: Clock): ProcessClock {
  let skewMs = 0;
  let paused: { promise: Promise<void>; resolve: () => void } | undefined;
  let due: (() => void)[] = [];
  return {
    nowMs: () => world.nowMs() + skewMs,
    monotonicMs: () => world.monotonicMs(),
    after(delayMs, run): Timer {
      let isCancelled = false;
      const fire = () => {
        if (isCancelled) return;
        if (paused) due.push(fire);
        else run();
      };
      const timer = world.after(delayMs, fire);
      return {
        cancel() {
          isCancelled = true;
          timer.cancel();
        },
      };
    },
    pause() {
      paused ??= Promise.withResolvers<void>();
    },
    resume() {
      paused?.resolve();
      paused = undefined;
      for (const fire of due) world.after(0, fire);
      due = [];
    },
    setSkew(ms) {
      skewMs = ms;
    },
    whenRunning: () => paused?.promise,
  };
}
