import { parseDurationMs } from '../api/duration.ts';
import { poolLabel } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { podWish } from '../core/pod-wish.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import type { ClaimSource, WaitingClaim } from './assign-ports.ts';
import { claimantKey, hasEnded, isHeldBy } from './claims.ts';

/** The pods that wait for ports, as the assigner goes over them. */
export function waitingPods({ pods, ports }: { pods: Informer<Pod>; ports: Informer<NLBPort> }): ClaimSource {
  return (poolName, pool) =>
    pods.by('pool', poolName).flatMap((pod): WaitingClaim[] => {
      const { uid = '', labels, deletionTimestamp, creationTimestamp = '' } = pod.metadata;
      if (labels?.[poolLabel] !== poolName || hasEnded(pod) || deletionTimestamp !== undefined) return [];
      const key = keyOf(pod);
      const claimed = ports.by('claimant', claimantKey('Pod', key));
      if (claimed.some(port => isHeldBy(port, uid) || isAwaited(port, pool))) return [];
      const wish = podWish(pod, pool);
      return wish.ok ? [{ kind: 'Pod', key, uid, since: creationTimestamp, wish: wish.value }] : [];
    });
}

/** Whether a pod's former self still holds a port that will be kept for it: it waits for the release. */
function isAwaited({ spec }: NLBPort, pool: NLBPortPool | undefined): boolean {
  if (!pool || spec.pool !== pool.metadata.name || spec.claim?.releasedAt !== undefined) return false;
  return parseDurationMs(pool.spec.release.retain) > 0;
}
