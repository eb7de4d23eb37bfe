/** The election's times, each from the Lease's duration D; figures for D = 12 s. */
export interface ElectionTimes {
  /** What others wait: whole seconds, as the Lease says it. */
  durationMs: number;
  /** How long a renewal lets this process lead. */
  leadForMs: number;
  renewEveryMs: number;
  /** Longest wait for the answer to a write or a read. */
  attemptMs: number;
  /** Pause after one that failed. */
  retryMs: number;
  /** Spread of those who see the Lease become free at the same moment. */
  spreadMs: number;
}

/**
 * Two never lead at once. A leader's renewal is written at some moment w, after t, when it was sent, by the leader's
 * clock; it leads until t + 5/6 D (10 s). A standby sees that write at some moment s >= w and takes the Lease no
 * earlier than s + D (12 s) by its own clock, and only if nobody wrote in between, which the resourceVersion tells.
 * As s >= w >= t, the 2 s in between remain for clocks that run at different speeds; no clock is ever compared with
 * another, nor with a time written in the Lease.
 *
 * How fast others take over: after a kill, D from the last write seen, the spread and one attempt: at most
 * 12 + 0.2 + 1.5 s. After a release, the watch's delay, the spread and one write.
 *
 * Renewals: 4 s after the last; where nothing answers, 1.5 s for the write, 1.5 s for the read after it and a pause of
 * 0.5 s, so two whole tries before the leader gives up at 10 s. Quick refusals are repeated every 0.5 s.
 */
export function electionTimes(durationMs: number): ElectionTimes {
  const wholeMs = Math.ceil(durationMs / 1000) * 1000;
  return {
    durationMs: wholeMs,
    leadForMs: (wholeMs * 5) / 6,
    renewEveryMs: wholeMs / 3,
    attemptMs: wholeMs / 8,
    retryMs: wholeMs / 24,
    spreadMs: wholeMs / 60,
  };
}
