import { readyCondition } from '../api/names.ts';
import type { IpFamily, PoolSpec } from '../api/pool.ts';
import type { Target } from '../api/port.ts';
import type { EndpointSlice, Pod, Service, ServicePort } from '../kube/objects.ts';
import { isSelectorless, type ServicePortWish } from './service-wish.ts';

/** The label by which an EndpointSlice names its Service. */
export const serviceNameLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
/** What kube-controller-manager's own slices say there. */
const endpointSliceController = 'endpointslice-controller.k8s.io';

/** The most targets that a target group of addresses takes (AWS), and that an NLBPort holds. */
export const maxTargets = 1000;

/** One address behind a Service, as its slices tell it. */
export interface ServiceEndpoint {
  ip: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  /** The pod that it says it is; without one nothing proves whose address it is. */
  pod: { name: string; uid?: string } | undefined;
  /** Whether people wrote it: it may say anything, and nobody takes it away when its pod ends. */
  handMade: boolean;
  /** The endpoint's own number for each of the Service's ports, under `name/protocol`. */
  ports: ReadonlyMap<string, number>;
}

/** An endpoint after a look at its pod. */
export interface JudgedEndpoint extends ServiceEndpoint {
  /** `gated`: it would be ready but for our own readiness gate. */
  use: 'ready' | 'gated' | 'lastResort' | 'no';
  /** Why the address may never be a target, as text for people; unset where it may. */
  refused?: string;
}

/**
 * The endpoints of one family of a Service in its slices. Slices that are not kube-controller-manager's own count only for a
 * Service without selector (or where `handMade` says so). An endpoint that two slices have, as while one is being moved to another,
 * counts once, the more usable first.
 */
export function endpointsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  options: { handMade: boolean; family: IpFamily },
): ServiceEndpoint[] {
  const byPlace = new Map<string, ServiceEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== options.family || slice.metadata.deletionTimestamp !== undefined) continue;
    if (slice.metadata.labels?.[serviceNameLabel] !== service.metadata.name) continue;
    const isManaged = slice.metadata.labels[managedByLabel] === endpointSliceController && !isSelectorless(service);
    if (!isManaged && !options.handMade) continue;
    const ports = portNumbers(slice);
    for (const { addresses, conditions = {}, targetRef } of slice.endpoints ?? []) {
      // All but the first are unspecified by Kubernetes.
      const [ip] = addresses;
      if (ip === undefined) continue;
      const ready = conditions.ready ?? true;
      const isPod = targetRef?.kind === 'Pod' && (targetRef.namespace ?? '') === (service.metadata.namespace ?? '');
      const endpoint: ServiceEndpoint = {
        ip,
        ready,
        serving: conditions.serving ?? ready,
        terminating: conditions.terminating ?? false,
        pod:
          isPod && targetRef.name
            ? { name: targetRef.name, ...(targetRef.uid ? { uid: targetRef.uid } : {}) }
            : undefined,
        handMade: !isManaged,
        ports,
      };
      const place = `${ip} ${[...ports].toSorted().join(' ')}`;
      const before = byPlace.get(place);
      if (!before || rank(endpoint) > rank(before)) byPlace.set(place, endpoint);
    }
  }
  return [...byPlace.values()];
}

/**
 * Judges an endpoint by its pod (the live one; undefined where it is gone). An address that is not its pod's is refused.
 * One that is not ready is a target nevertheless where its containers are ready and only our own gate is missing: the gate
 * waits for the Service's target, so the target must not wait for the gate.
 */
export function judgeEndpoint(
  endpoint: ServiceEndpoint,
  pod: Pod | undefined,
  access: Pick<PoolSpec['access'], 'hostNetwork'>,
): JudgedEndpoint {
  const refuse = (refused: string): JudgedEndpoint => ({ ...endpoint, use: 'no', refused });
  if (!endpoint.pod) return refuse('it names no pod of this namespace in targetRef');
  const { name, uid } = endpoint.pod;
  if (!pod || (uid !== undefined && pod.metadata.uid !== uid)) return refuse(`its pod "${name}" is gone`);
  const addresses = [pod.status?.podIP, ...(pod.status?.podIPs ?? []).map(({ ip }) => ip)];
  if (!addresses.includes(endpoint.ip)) return refuse(`it is not an address of its pod "${name}"`);
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return refuse(`its pod "${name}" has ended`);
  if (pod.spec.hostNetwork && !access.hostNetwork) {
    return refuse(`its pod "${name}" is on the host network, and access.hostNetwork is false`);
  }
  if (endpoint.ready) return { ...endpoint, use: 'ready' };
  if (endpoint.terminating) return { ...endpoint, use: endpoint.serving ? 'lastResort' : 'no' };
  return { ...endpoint, use: lacksOnlyOurGate(pod) ? 'gated' : 'no' };
}

/** Whether a look at the pod could make the endpoint a target, though its slice does not call it ready. */
export function mayLackOnlyOurGate({ ready, terminating }: ServiceEndpoint): boolean {
  return !ready && !terminating;
}

/** Of the targets that a port has, those that are still usable: what it goes on with where nobody can say what else. */
export function keptTargets(endpoints: readonly JudgedEndpoint[], current: readonly Target[]): Target[] {
  const usable = new Set(endpoints.filter(({ use }) => use !== 'no').map(({ ip }) => ip));
  return current.filter(({ ip }) => usable.has(ip));
}

/**
 * The targets of one port, sorted: the ready endpoints, and those that become ready by being targets; where none is ready
 * yet, those too that still serve while they terminate, as with kube-proxy (KEP-1669). Where no endpoint knows the port,
 * its slices are of before an edit of the Service: of the `current` targets those stay that are still behind it.
 */
export function serviceTargets(
  wish: ServicePortWish,
  endpoints: readonly JudgedEndpoint[],
  current: readonly Target[] = [],
): Target[] {
  if (endpoints.length > 0 && !endpoints.some(({ ports }) => knowsAll(wish, ports))) {
    return keptTargets(endpoints, current);
  }
  const usable = endpoints.flatMap(({ ip, use, ports }) => {
    const port = targetPortOf(wish, ports);
    return port === undefined || use === 'no' ? [] : [{ ip, port, use }];
  });
  const ready = usable.filter(({ use }) => use === 'ready');
  const chosen = ready.length > 0 ? usable.filter(({ use }) => use !== 'lastResort') : usable;
  const targets = new Map(chosen.map(({ ip, port }) => [`${ip}:${port}`, { ip, port }]));
  return [...targets]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, maxTargets)
    .map(([, target]) => target);
}

/** Whether the pod is ready but for our own readiness gate. */
function lacksOnlyOurGate({ metadata, spec, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const gates = (spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const isTrue = (type: string) =>
    status?.conditions?.some(condition => condition.type === type && condition.status === 'True') ?? false;
  if (!gates.includes(readyCondition) || !isTrue('ContainersReady')) return false;
  return gates.every(gate => gate === readyCondition || isTrue(gate));
}

function knowsAll({ servicePorts }: ServicePortWish, ports: ReadonlyMap<string, number>): boolean {
  return servicePorts.every(port => ports.has(placeOf(port)));
}

/** The number behind all of the wish's Service ports; undefined where the endpoint lacks one, or they differ. */
function targetPortOf({ servicePorts }: ServicePortWish, ports: ReadonlyMap<string, number>): number | undefined {
  const numbers = new Set(servicePorts.map(port => ports.get(placeOf(port))));
  const [only] = numbers;
  return numbers.size === 1 ? only : undefined;
}

function placeOf({ name = '', protocol = 'TCP' }: ServicePort): string {
  return `${name}/${protocol}`;
}

function portNumbers({ ports }: EndpointSlice): Map<string, number> {
  return new Map(
    (ports ?? []).flatMap(({ name, protocol, port }): [string, number][] =>
      port ? [[`${name ?? ''}/${protocol ?? 'TCP'}`, port]] : [],
    ),
  );
}

function rank({ ready, serving }: ServiceEndpoint): number {
  return Number(ready) * 2 + Number(serving);
}
