import type { ReconcileResult } from '../kube/work-queue.ts';

/** When to ask again whether this process leads: renewals come every few seconds. */
const doubtMs = 1_000;

/**
 * A turn of a queue that runs for as long as `leading` lasts. Where it is in doubt for a moment whether this process leads, as
 * when its wall clock was set forward, nothing may be done, and the turn is taken again: nobody else would bring it back.
 */
export function whileLeading(
  isLeader: () => boolean,
  leading: AbortSignal,
  reconcile: (key: string) => Promise<ReconcileResult>,
): (key: string) => Promise<ReconcileResult> {
  return async key => {
    const result = isLeader() ? await reconcile(key) : {};
    return isLeader() || leading.aborted ? result : { requeueAfterMs: doubtMs };
  };
}
