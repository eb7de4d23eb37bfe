import {
  boundAnnotation,
  clusterTag,
  endpointAnnotation,
  endpointsAnnotation,
  loadBalancerClass,
  poolLabel,
  portsAnnotation,
  portTag,
} from '../../api/names.ts';
import { releasesOn } from '../../api/pool.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod, Service } from '../../kube/objects.ts';
import type { Listener, Target, TargetGroup } from '../../sandbox/elbv2/world.ts';
import type { Claimant, Scene } from './invariant.ts';

/** The NLBPort that a resource belongs to by its tags; undefined where it is not this cluster's. */
export function ownerOf(
  scene: Pick<Scene, 'clusterId'>,
  resource: { tags: ReadonlyMap<string, string> },
): string | undefined {
  return resource.tags.get(clusterTag) === scene.clusterId ? resource.tags.get(portTag) : undefined;
}

/** Whether a person ever laid hands on the NLBPort or its AWS resources. */
export function isTouched(scene: Scene, portName: string): boolean {
  return scene.touchedMs(portName) !== Number.NEGATIVE_INFINITY;
}

/** Target groups that are ours by tag, with the name of their NLBPort. */
export function ownGroups(scene: Scene): { group: TargetGroup; port: string }[] {
  return [...scene.aws().targetGroups.values()].flatMap(group => {
    const port = ownerOf(scene, group);
    return port === undefined ? [] : [{ group, port }];
  });
}

/** Listeners that are ours by tag, with the name of their NLBPort. */
export function ownListeners(scene: Scene): { listener: Listener; port: string }[] {
  return [...scene.aws().listeners.values()].flatMap(listener => {
    const port = ownerOf(scene, listener);
    return port === undefined ? [] : [{ listener, port }];
  });
}

/** Where the load balancer sends what comes to the port, by its listener. */
export function groupBehind(scene: Scene, port: NLBPort): TargetGroup | undefined {
  const loadBalancer = scene.aws().loadBalancers.get(port.spec.loadBalancer.arn);
  return loadBalancer?.listeners.get(port.spec.port)?.forwards[0]?.group;
}

/** `ip:port`. */
export function placeOf(target: { id: string; port: number } | { ip: string; port: number }): string {
  return `${'ip' in target ? target.ip : target.id}:${target.port}`;
}

/** The targets that the body of a call names. */
export function placesOf(body: string): string[] {
  const parameters = new URLSearchParams(body);
  return [...parameters].flatMap(([key, id]) =>
    /^Targets\.member\.\d+\.Id$/.test(key)
      ? placeOf({ id, port: Number(parameters.get(key.replace(/Id$/, 'Port'))) })
      : [],
  );
}

/** Targets that are registered and do not drain. */
export function registered(group: TargetGroup): Target[] {
  return [...group.targets.values()].filter(({ draining }) => draining === undefined);
}

/** Whether it is a pod; a Service otherwise. */
export function isPod(claimant: Claimant): claimant is Pod {
  return 'containers' in claimant.spec;
}

/** Whether the claimant runs, or will, and asks for a port of this pool; of any where none is given. */
export function asks(scene: Scene, claimant: Claimant, poolName?: string): boolean {
  const wished = askedPool(scene, claimant);
  if (wished === undefined || (poolName !== undefined && wished !== poolName)) return false;
  const isLeaving = claimant.metadata.deletionTimestamp !== undefined;
  if (!isPod(claimant)) return !isLeaving;
  if (claimant.status?.phase === 'Succeeded' || claimant.status?.phase === 'Failed') return false;
  const pool = scene.pools.get(wished);
  if (isLeaving) return pool !== undefined && releasesOn(pool.spec) === 'Ended';
  return true;
}

/** The pool that the claimant's label names; for a load balancer of our class without one, the only default pool. */
function askedPool(scene: Scene, claimant: Claimant): string | undefined {
  const label = claimant.metadata.labels?.[poolLabel];
  if (label !== undefined || isPod(claimant) || !isOurLoadBalancer(claimant)) return label;
  const defaults = [...scene.pools.values()].filter(
    ({ spec, metadata }) => spec.default === true && metadata.deletionTimestamp === undefined,
  );
  return defaults.length === 1 ? defaults[0]!.metadata.name : undefined;
}

/** Whether the Service names the numbers that it wants. */
export function isOurLoadBalancer({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && spec.loadBalancerClass === loadBalancerClass;
}

/** The pod or Service with this uid. */
export function claimantOf(scene: Scene, uid: string | undefined): Claimant | undefined {
  if (uid === undefined) return undefined;
  for (const pod of scene.pods.values()) if (pod.metadata.uid === uid) return pod;
  for (const service of scene.services.values()) if (service.metadata.uid === uid) return service;
  return undefined;
}

/** Every pod and Service. */
export function claimantsOf(scene: Scene): Claimant[] {
  return [...scene.pods.values(), ...scene.services.values()];
}

/** Kind, namespace and name. */
export function nameOf(claimant: Claimant): string {
  const { namespace, name } = claimant.metadata;
  return `${isPod(claimant) ? 'pod' : 'Service'} ${namespace}/${name}`;
}

/** The addresses of the pods behind the Service that are ready, sorted. */
export function readyBehind(scene: Scene, service: Service): string[] {
  const selector = Object.entries(service.spec.selector ?? {});
  return [...scene.pods.values()]
    .filter(({ metadata, status }) => {
      const isBehind = selector.every(([key, value]) => metadata.labels?.[key] === value);
      const isReady = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      return isBehind && isReady && metadata.deletionTimestamp === undefined;
    })
    .flatMap(({ status }) => status?.podIP ?? [])
    .toSorted();
}

/** The NLBPorts that the claimant's commit names. */
export function committed(pod: Claimant | undefined): string[] {
  return (pod?.metadata.annotations?.[boundAnnotation] ?? '').split(',').filter(name => name !== '');
}

/** The NLBPorts of the claimant's commit that it holds. */
export function heldOf(scene: Scene, pod: Claimant | undefined): NLBPort[] {
  return committed(pod).flatMap(name => {
    const port = scene.ports.get(name);
    return port && isHeldBy(port, pod?.metadata.uid) ? [port] : [];
  });
}

/** Every NLBPort that this uid holds, committed to or not. */
export function allHeldBy(scene: Scene, uid: string | undefined): NLBPort[] {
  return [...scene.ports.values()].filter(port => isHeldBy(port, uid));
}

/** One port that a claimant asks for, with the endpoints that are to be published of it. */
export interface WishedPort {
  name: string;
  targetPort: number;
  endpoints: string[];
  /** The number that it has to be. */
  number?: number;
}

/** What the claimant asks for, read as the documentation says; only what people of these runs write. */
export function wishOf(claimant: Claimant): WishedPort[] {
  return isPod(claimant) ? podWish(claimant) : serviceWish(claimant);
}

function podWish(pod: Pod): WishedPort[] {
  const wished: WishedPort[] = [];
  const halves = new Map<number, WishedPort>();
  for (const entry of (pod.metadata.annotations?.[portsAnnotation] ?? '').split(',')) {
    const [, name = 'default', number, protocol] = /^(?:([a-z-]+)=)?(\d+)\/(\w+)$/.exec(entry) ?? [];
    const other = protocol === 'TCP_UDP' ? undefined : halves.get(Number(number));
    if (other) {
      other.endpoints.push(name);
      continue;
    }
    const port = { name, targetPort: Number(number), endpoints: [name] };
    halves.set(port.targetPort, port);
    wished.push(port);
  }
  return wished;
}

function serviceWish(service: Service): WishedPort[] {
  return (service.spec.ports ?? []).map(({ name = 'default', port, targetPort }) => ({
    name,
    targetPort: Number(targetPort ?? port),
    endpoints: [name],
    ...(isOurLoadBalancer(service) ? { number: port } : {}),
  }));
}

/**
 * The name under which a Service has a port by its label: what it publishes it as, where it asks for such a port, else what it
 * was bound as. One that is renamed where there is no other goes on under its new name.
 */
export function nameOfPort(service: Service, { spec, status }: NLBPort): string | undefined {
  const told = publishedBy(service).find(({ endpoint }) => endpoint === status?.endpoint)?.name;
  return wishOf(service).some(({ name }) => name === told) ? told : spec.claim?.portName;
}

/** One entry of what a claimant publishes. */
export interface Published {
  name: string;
  host: string;
  endpoint: string;
  targetPort: number;
}

/** All that the claimant publishes, in its order. */
export function publishedBy(pod: Claimant | undefined): Published[] {
  const told = JSON.parse(pod?.metadata.annotations?.[endpointsAnnotation] ?? '[]') as (Published & { port: number })[];
  return told.map(({ name, host, port, targetPort }) => ({ name, host, endpoint: `${host}:${port}`, targetPort }));
}

/** The `host:port` of all that the claimant publishes, each once. */
export function endpointsOf(pod: Claimant | undefined): string[] {
  const endpoint = endpointOf(pod);
  const all = publishedBy(pod).map(published => published.endpoint);
  return [...new Set(endpoint === undefined ? all : [endpoint, ...all])];
}

/** What the claimant publishes: the first, where it is several. */
export function endpointOf(pod: Claimant | undefined): string | undefined {
  return pod?.metadata.annotations?.[endpointAnnotation];
}

/** Bound to this uid, and not given up. */
export function isHeldBy(port: NLBPort | undefined, uid: string | undefined): boolean {
  const claim = port?.spec.claim;
  return claim !== undefined && claim.releasedAt === undefined && claim.uid === uid;
}
