import { poolLabel } from '../api/names.ts';
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
      if (ports.by('claimant', claimantKey('Pod', key)).some(port => isHeldBy(port, uid))) return [];
      const wish = podWish(pod, pool);
      return wish.ok ? [{ kind: 'Pod', key, uid, since: creationTimestamp, wish: wish.value }] : [];
    });
}
