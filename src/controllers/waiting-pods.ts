import { parseDurationMs } from '../api/duration.ts';
import { poolLabel } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { familyOf } from '../core/ip-family.ts';
import { podWish } from '../core/pod-wish.ts';
import { committedSet, findSet } from '../core/port-set.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import { adoption } from './adoption.ts';
import type { ClaimSource, WaitingClaim } from './assign-ports.ts';
import { addressesOf, claimantKey, committedNames, hasEnded, isHeldBy } from './claims.ts';

/** The pods that wait for ports, as the assigner goes over them. */
export function waitingPods({ pods, ports }: { pods: Informer<Pod>; ports: Informer<NLBPort> }): ClaimSource {
  return (poolName, pool) =>
    pods.by('pool', poolName).flatMap((pod): WaitingClaim[] => {
      const { uid = '', labels, deletionTimestamp, creationTimestamp = '' } = pod.metadata;
      if (labels?.[poolLabel] !== poolName || hasEnded(pod) || deletionTimestamp !== undefined) return [];
      const key = keyOf(pod);
      const claimed = ports.by('claimant', claimantKey('Pod', key));
      if (claimed.some(port => isAwaited(port, uid, pool))) return [];
      const wish = podWish(pod, pool);
      if (!wish.ok) return [];
      const ips = addressesOf(pod);
      const adopts = adoption(pod, wish.value.ports, new Set(ips), pool, ports);
      if (adopts === 'wait') return [];
      const held = claimed.filter(port => isHeldBy(port, uid));
      const names = wish.value.ports.map(({ name }) => name);
      if (committedSet(held, committedNames(pod), names) || findSet(held, names)) return [];
      return [
        {
          kind: 'Pod',
          key,
          uid,
          since: creationTimestamp,
          wish: wish.value,
          held,
          ...(adopts ? { adopts } : {}),
          needsIpv6: ips.length > 0 && ips.every(ip => familyOf(ip) === 'IPv6'),
        },
      ];
    });
}

/** Whether a pod's former self still holds a port that will be kept for it: it waits for the release. */
function isAwaited({ spec }: NLBPort, uid: string, pool: NLBPortPool | undefined): boolean {
  if (!pool || spec.pool !== pool.metadata.name || spec.claim?.releasedAt !== undefined) return false;
  if (spec.claim?.uid === uid) return false;
  return parseDurationMs(pool.spec.release.retain) > 0;
}
