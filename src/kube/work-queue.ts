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
  add(key: string, priority?: Priority): void;
  /** Adds the key after a delay; the earliest of several delays for one key counts. */
  addAfter(key: string, delayMs: number): void;
  /** Works with `concurrency` workers until `signal` is aborted; resolves when the last reconcile has ended. */
  run(signal: AbortSignal, concurrency: number, reconcile: (key: string) => Promise<ReconcileResult>): Promise<void>;
  /** Keys that wait for a worker. */
  readonly depth: number;
  /** Monotonic milliseconds since the oldest reconcile now running began; 0 where none runs. For the liveness probe. */
  oldestRunningMs(): number;
}
