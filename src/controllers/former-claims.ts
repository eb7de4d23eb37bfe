import type { NLBPort } from '../api/port.ts';
import type { ReconcileResult } from '../kube/work-queue.ts';
import { type ClaimPortDeps, markGone, releasePorts } from './claim-port.ts';
import { type ClaimReport, releasedReport, type Told } from './claim-report.ts';
import { type Claimants, caughtUpMs } from './claimants.ts';
import { isHeldBy, isUnsettled } from './claims.ts';

/** Releases ports that are claimed in a claimant's name by others than the one that the cache shows. */
export interface FormerClaims {
  /** `cachedUid`: of the claimant in the cache, if any. Resolves to when to come back where only the cache is behind. */
  settle(key: string, claimed: readonly NLBPort[], cachedUid: string | undefined): Promise<ReconcileResult | undefined>;
}

const longestLagMs = 300_000;

/**
 * Makes it: claims of objects that are gone, that ended, or that ask no more are released by a live GET, and the objects
 * that are still there are told so: that the cache lacks one proves nothing.
 */
export function createFormerClaims<T extends Told>(
  deps: ClaimPortDeps,
  claimants: Claimants<T, ClaimReport>,
  /** What an object is told whose ports go. */
  message: string,
): FormerClaims {
  /** How often in a row a live claimant that holds a port was missing from the cache. */
  const missed = new Map<string, number>();

  async function release(key: string, ports: readonly NLBPort[]): Promise<'done' | 'stale cache'> {
    const live = await claimants.get(key);
    const isLive = (port: NLBPort) => live !== undefined && live.metadata.uid === port.spec.claim?.uid;
    const asks = live !== undefined && claimants.kind.asks(live);
    const isGone = (port: NLBPort) => !(live && isLive(port) && claimants.kind.mayReturn(live));
    const held = ports.filter(port => isHeldBy(port, port.spec.claim?.uid));
    const leaving = held.filter(port => !(asks && isLive(port)));
    if (live && leaving.some(isLive)) {
      // Before the release: of an object that is watched no longer, only the port that it holds still leads here.
      const written = await claimants.write(live, releasedReport(message));
      if (written === 'conflict') return 'stale cache';
    }
    const isDone = await releasePorts(deps, leaving, isGone);
    for (const port of ports) if (!held.includes(port) && isGone(port)) await markGone(deps, port);
    return isDone && leaving.length === held.length ? 'done' : 'stale cache';
  }

  return {
    async settle(key, claimed, cachedUid) {
      const others = claimed.filter(port => isUnsettled(port) && port.spec.claim?.uid !== cachedUid);
      if (others.length > 0 && (await release(key, others)) === 'stale cache') {
        const times = missed.get(key) ?? 0;
        missed.set(key, times + 1);
        // It may never come: its namespace is watched no longer, perhaps. Its port is left to it.
        return { requeueAfterMs: Math.min(longestLagMs, caughtUpMs * 2 ** times) };
      }
      missed.delete(key);
      return undefined;
    },
  };
}
