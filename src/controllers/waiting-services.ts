import { parseDurationMs } from '../api/duration.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { wholePlan } from '../core/port-plan.ts';
import { committedServiceSet } from '../core/port-set.ts';
import { needsIpv6, serviceWish } from '../core/service-wish.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Service } from '../kube/objects.ts';
import { adoption } from './adoption.ts';
import type { ClaimSource, WaitingClaim } from './assign-ports.ts';
import { claimantKey, committedNames, isHeldBy } from './claims.ts';
import type { ServiceCache } from './service-cache.ts';
import { toldNameOf } from './service-status.ts';

/** The Services that wait for ports, as the assigner goes over them. `poolOf` says which pool a Service asks. */
export function waitingServices(deps: {
  services: ServiceCache;
  ports: Informer<NLBPort>;
  poolOf: (service: Service) => string | undefined;
}): ClaimSource {
  return (poolName, pool) =>
    deps.services.list().flatMap((service): WaitingClaim[] => {
      const { uid = '', deletionTimestamp, creationTimestamp = '' } = service.metadata;
      if (deletionTimestamp !== undefined || deps.poolOf(service) !== poolName) return [];
      const key = keyOf(service);
      const claimed = deps.ports.by('claimant', claimantKey('Service', key));
      if (claimed.some(port => isAwaited(port, uid, pool))) return [];
      const wish = serviceWish(service, poolName, pool);
      if (!wish.ok) return [];
      // Anyone who may write EndpointSlices can name any address in them: they prove nothing.
      if (adoption(service, wish.value.ports, new Set(), pool, deps.ports) === 'wait') return [];
      const held = claimed.filter(port => isHeldBy(port, uid));
      const names = wish.value.ports.map(({ name }) => name);
      // What an edit adds to a set that serves is looked for beside it, behind those that wait here.
      if (
        committedServiceSet(held, committedNames(service), names) ||
        wholePlan(held, wish.value.ports, toldNameOf(service))
      )
        return [];
      return [
        { kind: 'Service', key, uid, since: creationTimestamp, wish: wish.value, held, needsIpv6: needsIpv6(service) },
      ];
    });
}

/** Whether a Service's former self still holds a port that will be kept for it: it waits for the release. */
function isAwaited({ spec }: NLBPort, uid: string, pool: NLBPortPool | undefined): boolean {
  if (!pool || spec.pool !== pool.metadata.name || spec.claim?.releasedAt !== undefined) return false;
  if (spec.claim?.uid === uid) return false;
  return parseDurationMs(pool.spec.release.retain) > 0;
}
