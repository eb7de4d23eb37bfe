import { poolLabel } from '../api/names.ts';
import type { IpFamily, NLBPortPool } from '../api/pool.ts';
import {
  endpointsOf,
  type JudgedEndpoint,
  judgeEndpoint,
  mayLackOnlyOurGate,
  type ServiceEndpoint,
  serviceNameLabel,
} from '../core/service-targets.ts';
import type { KubeClient } from '../kube/client.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import { type EndpointSlice, keyOf, type Pod, type Service } from '../kube/objects.ts';
import { endpointSlices, pods as podResource } from '../kube/resource.ts';
import type { Clock } from '../runtime/clock.ts';

/** The endpoints of a Service, each with a verdict. */
export interface Endpoints {
  judged: JudgedEndpoint[];
  /** Pods that are targets and wait for our own readiness gate; not those of Pod mode, whose gate is that of their own port. */
  gated: { ip: string; pod: Pod }[];
  /** When to look again though no slice changes, milliseconds; undefined where slices tell everything. */
  lookAgainMs?: number;
}

/** Finds out which endpoints may be targets, with live reads of the pods that have to prove it. */
export interface EndpointReader {
  read(
    service: Service,
    pool: NLBPortPool | undefined,
    slices: readonly EndpointSlice[],
    family: IpFamily,
  ): Promise<Endpoints>;
  /** The live slices of a Service: asked before the last target is taken away, as a cache may lack a slice. */
  liveSlices(service: Service): Promise<EndpointSlice[]>;
  /** Forgets what was learnt of the pods behind a Service. */
  forget(serviceKey: string): void;
}

/** Far below the 30 s for which AWS's CNI gives nobody the address of a pod that ended. */
const handMadeLookMs = 10_000;
/** Looks at a pod whose containers are not ready: often while it is young, then at a tenth of its age. */
const shortestLookMs = 1_000;
const longestLookMs = 30_000;
/** Live reads at once. */
const readsAtOnce = 16;

/**
 * Makes a reader. A pod of kube-controller-manager's slices is read once per address: its slice goes when it does. One of a hand-made
 * slice, and one that may lack only our own gate, are read each time.
 */
export function createEndpointReader(deps: { client: KubeClient; clock: Clock }): EndpointReader {
  const known = new Map<string, Map<string, Pod>>();

  return {
    async read(service, pool, slices, family) {
      const { namespace = '' } = service.metadata;
      const access = pool?.spec.access ?? { hostNetwork: false };
      const handMade = pool?.spec.access.selectorlessServices ?? false;
      const endpoints = endpointsOf(service, slices, { handMade, family });
      const before = known.get(keyOf(service)) ?? new Map<string, Pod>();
      const after = new Map<string, Pod>();
      const podOf = async ({ ip, pod, handMade, ...endpoint }: ServiceEndpoint): Promise<Pod | undefined> => {
        if (!pod) return undefined;
        const place = `${pod.name} ${pod.uid} ${ip}`;
        const isProof = pod.uid !== undefined && !handMade && !mayLackOnlyOurGate({ ip, pod, handMade, ...endpoint });
        const live =
          (isProof ? before.get(place) : undefined) ??
          (await getIfThere(deps.client, podResource, { namespace, name: pod.name }));
        const isThis = live?.metadata.uid === pod.uid && live?.status?.podIPs?.some(each => each.ip === ip);
        if (live && isProof && isThis) after.set(place, live);
        return live;
      };
      const judged: JudgedEndpoint[] = [];
      const gated: Endpoints['gated'] = [];
      const looks: number[] = [];
      for (let at = 0; at < endpoints.length; at += readsAtOnce) {
        const some = endpoints.slice(at, at + readsAtOnce);
        const pods = await Promise.all(some.map(podOf));
        for (const [index, endpoint] of some.entries()) {
          const pod = pods[index];
          const verdict = judgeEndpoint(endpoint, pod, access);
          judged.push(verdict);
          const isOfPodMode = pod?.metadata.labels?.[poolLabel] !== undefined;
          if (pod && verdict.use === 'gated' && !isOfPodMode) gated.push({ ip: endpoint.ip, pod });
          if (endpoint.handMade) looks.push(handMadeLookMs);
          const gates = pod?.spec.readinessGates ?? [];
          if (pod && mayLackOnlyOurGate(endpoint) && gates.length > 0) looks.push(lookMs(pod, deps.clock.nowMs()));
        }
      }
      known.set(keyOf(service), after);
      return { judged, gated, ...(looks.length > 0 ? { lookAgainMs: Math.min(...looks) } : {}) };
    },
    async liveSlices({ metadata: { name, namespace = '' } }) {
      const labelSelector = `${serviceNameLabel}=${name}`;
      return (await deps.client.list(endpointSlices, { namespace, labelSelector })).items;
    },
    forget: key => void known.delete(key),
  };
}

function lookMs({ metadata }: Pod, nowMs: number): number {
  const ageMs = nowMs - Date.parse(metadata.creationTimestamp ?? '');
  return Math.min(longestLookMs, Math.max(shortestLookMs, ageMs / 10 || 0));
}
