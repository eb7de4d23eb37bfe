import { parseDurationMs } from '../../api/duration.ts';
import { poolLabel } from '../../api/names.ts';
import type { NLBPort, PortClaim } from '../../api/port.ts';
import { isForeign } from '../../controllers/port-context.ts';
import { isConflict } from '../../core/allocate.ts';
import type { Change, Claimant, Invariant, Scene } from './invariant.ts';
import { claimantOf, committed, isPod, isTouched, wishOf } from './sight.ts';

/** A process may act by a pool that was edited this long ago. */
const lagMs = 30_000;

/** When a port was given up, and whether its claimant was still there and asked for it no more. */
interface Release {
  uid: string;
  atMs: number;
  byChoice: boolean;
}

/**
 * Within `retain` from when the claimant's object was gone, the same namespace and name gets the same endpoint: nobody's
 * released port is free before that time is over, and who comes back and has all of its ports kept on one load balancer
 * commits to those. A port that is on its way out, or has someone else's listener, is not kept.
 */
export const memory: Invariant = {
  name: 'memory',
  check(scene) {
    const goneMs = new Map<string, number>();
    const releases = new Map<string, Release>();
    /** When a port last was one that is not kept. */
    const unfitMs = new Map<string, number>();
    /** Who took a port over from its namesake. */
    const takenOver = new Map<string, string | undefined>();
    /** Every value that a pool's retain had, with the time from which it was no more. */
    const retains = new Map<string, { retainMs: number; untilMs: number }[]>();

    /** The least that the pool asked for since then. */
    function leastRetainMs(pool: string, sinceMs: number): number {
      const values = (retains.get(pool) ?? []).filter(({ untilMs }) => untilMs >= sinceMs - lagMs);
      return Math.min(...values.map(({ retainMs }) => retainMs));
    }

    /** Until when the port is kept for a namesake, at the least. */
    function keptUntilMs({ metadata: { name }, spec }: NLBPort, { uid, goneAt, releasedAt }: PortClaim): number {
      const release = releases.get(name);
      const isByChoice = release?.uid === uid && release.byChoice;
      const sinceMs = isByChoice ? Date.parse(goneAt ?? releasedAt ?? '') : goneMs.get(uid);
      if (sinceMs === undefined) return Number.NEGATIVE_INFINITY;
      return sinceMs + leastRetainMs(spec.pool, Math.min(sinceMs, release?.atMs ?? sinceMs)) - scene.skewMs;
    }

    const isFit = (port: NLBPort, sinceMs: number) =>
      !isUnfit(scene, port) && (unfitMs.get(port.metadata.name) ?? Number.NEGATIVE_INFINITY) < sinceMs;

    function noteRelease(port: NLBPort, { uid }: PortClaim): void {
      const pod = claimantOf(scene, uid);
      const isMoved = pod !== undefined && isPod(pod) && pod.metadata.labels?.[poolLabel] !== port.spec.pool;
      const byChoice = pod !== undefined && (isMoved || !committed(pod).includes(port.metadata.name));
      releases.set(port.metadata.name, { uid, atMs: scene.nowMs(), byChoice });
    }

    function judgeFreed(port: NLBPort, was: PortClaim): void {
      const leftMs = keptUntilMs(port, was) - scene.nowMs();
      const releasedMs = releases.get(port.metadata.name)?.atMs ?? scene.nowMs();
      if (leftMs > 0 && isFit(port, releasedMs)) {
        scene.complain(
          `${port.metadata.name} is free ${leftMs} ms before the time is over in which ${was.name} may come back`,
        );
      }
    }

    function judgeCommit(pod: Claimant): void {
      const { namespace, name, uid } = pod.metadata;
      const names = committed(pod);
      const kind = isPod(pod) ? 'Pod' : 'Service';
      const pool = scene.ports.get(names[0] ?? '')?.spec.pool;
      const kept = [...scene.ports.values()].filter(port => {
        const { claim } = port.spec;
        if (claim?.kind !== kind || claim.namespace !== namespace || claim.name !== name || claim.uid === uid)
          return false;
        const isUsed = claim.exposed && port.spec.pool === pool && isFit(port, scene.nowMs() - lagMs);
        return isUsed && keptUntilMs(port, claim) > scene.nowMs() + lagMs;
      });
      const isWhole = (ports: NLBPort[]) =>
        wishOf(pod).every(wish =>
          ports.some(
            ({ spec }) =>
              spec.claim?.portName === wish.name && (wish.number === undefined || spec.port === wish.number),
          ),
        );
      const sets = [...Map.groupBy(kept, ({ spec }) => spec.loadBalancer.arn).values()].filter(isWhole);
      // A namesake that was edited may have left several sets; what was taken over is kept no longer.
      if (sets.length === 0 || names.every(each => takenOver.get(each) === uid)) return;
      const left = sets.flat().map(({ metadata }) => metadata.name);
      scene.complain(`${name} (${uid}) committed to ${names.join()}, while ${left.join()} is kept for it`);
    }

    function followClaimant({ previous, object }: Change<Claimant>): void {
      if (previous && !object) goneMs.set(previous.metadata.uid ?? '', scene.nowMs());
      if (object && committed(object).length > 0 && committed(previous).length === 0) judgeCommit(object);
    }

    return {
      onPod: followClaimant,
      onService: followClaimant,
      onPool({ key, previous, object }) {
        const of = retains.get(key) ?? [];
        retains.set(key, of);
        const last = of.at(-1);
        if (previous && last) last.untilMs = scene.nowMs();
        const retainMs = parseDurationMs(object?.spec.release.retain ?? '0s');
        if (last?.retainMs === retainMs) last.untilMs = Number.POSITIVE_INFINITY;
        else of.push({ retainMs, untilMs: Number.POSITIVE_INFINITY });
        for (const port of scene.ports.values()) if (port.spec.pool === key) noteFitness(port);
      },
      onPort({ previous, object }) {
        const [was, is] = [previous?.spec.claim, object?.spec.claim];
        if (previous && was && was.releasedAt === undefined && is?.uid === was.uid && is.releasedAt !== undefined)
          noteRelease(previous, was);
        if (was?.exposed && was.releasedAt !== undefined && is && is.uid !== was.uid)
          takenOver.set(previous?.metadata.name ?? '', is.uid);
        if (object && was?.exposed && was.releasedAt !== undefined && is === undefined) judgeFreed(object, was);
        if (object) noteFitness(object);
      },
    };

    function noteFitness(port: NLBPort): void {
      if (isUnfit(scene, port)) unfitMs.set(port.metadata.name, scene.nowMs());
    }
  },
};

/** Whether the port can't serve a namesake. */
function isUnfit(scene: Scene, port: NLBPort): boolean {
  const pool = scene.pools.get(port.spec.pool);
  if (isTouched(scene, port.metadata.name)) return true;
  const isLeaving = port.spec.retire === true || port.metadata.deletionTimestamp !== undefined;
  return (
    isLeaving || isConflict(port) || !pool || pool.metadata.deletionTimestamp !== undefined || isForeign(port, pool)
  );
}
