import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { Assigner, ClaimSource } from '../controllers/assign-ports.ts';
import type { Observer } from '../controllers/observer.ts';
import { type CacheDeps, createServiceCache, createSliceCache } from '../controllers/service-cache.ts';
import { createEndpointReader } from '../controllers/service-endpoints.ts';
import { askedPool, serviceReconciler, watchForServices } from '../controllers/services.ts';
import { waitingServices } from '../controllers/waiting-services.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf } from '../kube/objects.ts';
import type { ReconcileResult, WorkQueue } from '../kube/work-queue.ts';

/** What belongs to Service mode alone. */
export interface ServiceMode {
  /** The caches that have to be in step before anything is decided. */
  caches: readonly { readonly synced: boolean; start(signal: AbortSignal): Promise<void> }[];
  source: ClaimSource;
  /** Follows what concerns Services. */
  watch(requestPass: (poolName: string) => void, queue: WorkQueue): void;
  /** The loop of a leader; the Services that are there are in its queue. */
  reconciler(deps: LeaderDeps, queue: WorkQueue): (key: string) => Promise<ReconcileResult>;
}

export interface LeaderDeps {
  client: KubeClient;
  events: EventRecorder;
  assigner: Assigner;
  requestPass: (poolName: string) => void;
  observer: Observer;
  isLeader: () => boolean;
  signal: AbortSignal;
}

/** Puts Service mode together. */
export function createServiceMode(
  deps: CacheDeps & { ports: Informer<NLBPort>; pools: Informer<NLBPortPool> },
): ServiceMode {
  const { ports, pools, clock, log } = deps;
  const services = createServiceCache(deps);
  const slices = createSliceCache(deps);
  return {
    caches: [services, slices],
    source: waitingServices({ services, ports, poolOf: service => askedPool(service, pools) }),
    watch: (requestPass, queue) => watchForServices({ services, slices, ports, pools, requestPass }, queue),
    reconciler(leader, queue) {
      for (const service of services.list()) queue.add(keyOf(service));
      const endpoints = createEndpointReader({ client: leader.client, clock });
      return serviceReconciler({ ...leader, services, slices, ports, pools, endpoints, clock, log });
    },
  };
}
