/** One call that reached the emulator, whatever its answer. */
export interface Call {
  /** Milliseconds since 1970 by the emulator's clock, when the answer was ready. */
  readonly atMs: number;
  readonly account: string;
  readonly region: string;
  readonly action: string;
  /** False for Describe*. */
  readonly mutating: boolean;
  /** HTTP status of the answer. */
  readonly status: number;
  /** AWS's error code, or null. */
  readonly error: string | null;
  readonly requestId: string;
  /** What the call was about: names, ARNs, ports, targets. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Figures per action. */
export interface ActionCount {
  calls: number;
  succeeded: number;
  /** Refusals by AWS's error code. */
  errors: Record<string, number>;
}

/** Figures over all calls since the start or the last reset. */
export interface CallCounts {
  calls: number;
  /** Calls that would change something, refused ones included. */
  mutating: number;
  throttled: number;
  actions: Record<string, ActionCount>;
}

/** Every call in order, and counts. */
export interface CallLog {
  /** The latest calls, oldest first. */
  readonly entries: readonly Call[];
  counts(): CallCounts;
  /** Calls of one action; only those with this error code where one is given, only successes for null. */
  count(action: string, error?: string | null): number;
  reset(): void;
}

/** A log that keeps at most `maxEntries` calls; counts go on. */
export function createCallLog(maxEntries: number): CallLog & { add(call: Call): void } {
  let entries: Call[] = [];
  let counts: CallCounts;
  const reset = () => {
    entries = [];
    counts = { calls: 0, mutating: 0, throttled: 0, actions: {} };
  };
  reset();
  return {
    get entries() {
      return entries.length > maxEntries ? entries.slice(-maxEntries) : entries;
    },
    counts: () => structuredClone(counts),
    count(action, error) {
      const found = Object.hasOwn(counts.actions, action) ? counts.actions[action]! : undefined;
      if (!found) return 0;
      if (error === undefined) return found.calls;
      if (error === null) return found.succeeded;
      return found.errors[error] ?? 0;
    },
    reset,
    add(call) {
      entries.push(call);
      // Trimmed by halves, so that keeping the limit costs nothing per call.
      if (entries.length > 2 * maxEntries + 16) entries = entries.slice(-maxEntries);
      counts.calls++;
      if (call.mutating) counts.mutating++;
      if (!Object.hasOwn(counts.actions, call.action))
        counts.actions[call.action] = { calls: 0, succeeded: 0, errors: {} };
      const action = counts.actions[call.action]!;
      action.calls++;
      if (call.error === null) {
        action.succeeded++;
        return;
      }
      action.errors[call.error] = (action.errors[call.error] ?? 0) + 1;
      if (call.error.startsWith('Throttling')) counts.throttled++;
    },
  };
}
