import {
  boundAnnotation,
  clusterTag,
  endpointAnnotation,
  endpointsAnnotation,
  poolLabel,
  portsAnnotation,
  portTag,
} from '../../api/names.ts';
import { releasesOn } from '../../api/pool.ts';
import type { NLBPort } from '../../api/port.ts';
import type { Pod } from '../../kube/objects.ts';
import type { Listener, Target, TargetGroup } from '../../sandbox/elbv2/world.ts';
import type { Scene } from './invariant.ts';

/** The NLBPort that a resource belongs to by its tags; undefined where it is not this cluster's. */
export function ownerOf(scene: Scene, resource: { tags: ReadonlyMap<string, string> }): string | undefined {
  return resource.tags.get(clusterTag) === scene.clusterId ? resource.tags.get(portTag) : undefined;
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

/** Targets that are registered and do not drain. */
export function registered(group: TargetGroup): Target[] {
  return [...group.targets.values()].filter(({ draining }) => draining === undefined);
}

/** Whether the pod runs, or will, and asks for a port of this pool; of any where none is given. */
export function asks(scene: Scene, pod: Pod, poolName?: string): boolean {
  const wished = pod.metadata.labels?.[poolLabel];
  if (wished === undefined || (poolName !== undefined && wished !== poolName)) return false;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return false;
  const pool = scene.pools.get(wished);
  if (pod.metadata.deletionTimestamp !== undefined) return pool !== undefined && releasesOn(pool.spec) === 'Ended';
  return true;
}

/** The pod with this uid. */
export function podOf(scene: Scene, uid: string | undefined): Pod | undefined {
  if (uid === undefined) return undefined;
  for (const pod of scene.pods.values()) if (pod.metadata.uid === uid) return pod;
  return undefined;
}

/** The NLBPorts that the pod's commit names. */
export function committed(pod: Pod | undefined): string[] {
  return (pod?.metadata.annotations?.[boundAnnotation] ?? '').split(',').filter(name => name !== '');
}

/** The NLBPorts of the pod's commit that it holds. */
export function heldOf(scene: Scene, pod: Pod | undefined): NLBPort[] {
  return committed(pod).flatMap(name => {
    const port = scene.ports.get(name);
    return port && isHeldBy(port, pod?.metadata.uid) ? [port] : [];
  });
}

/** Every NLBPort that this uid holds, committed to or not. */
export function allHeldBy(scene: Scene, uid: string | undefined): NLBPort[] {
  return [...scene.ports.values()].filter(port => isHeldBy(port, uid));
}

/** One port that a pod asks for, with the endpoints that are to be published of it. */
export interface WishedPort {
  name: string;
  targetPort: number;
  endpoints: string[];
}

/** What the pod's annotation asks for, read as its documentation says; only what people of these runs write. */
export function wishOf(pod: Pod): WishedPort[] {
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

/** One entry of what a claimant publishes. */
export interface Published {
  name: string;
  host: string;
  endpoint: string;
  targetPort: number;
}

/** All that the pod publishes, in its order. */
export function publishedBy(pod: Pod | undefined): Published[] {
  const told = JSON.parse(pod?.metadata.annotations?.[endpointsAnnotation] ?? '[]') as (Published & { port: number })[];
  return told.map(({ name, host, port, targetPort }) => ({ name, host, endpoint: `${host}:${port}`, targetPort }));
}

/** The `host:port` of all that the pod publishes, each once. */
export function endpointsOf(pod: Pod | undefined): string[] {
  const endpoint = endpointOf(pod);
  const all = publishedBy(pod).map(published => published.endpoint);
  return [...new Set(endpoint === undefined ? all : [endpoint, ...all])];
}

/** What the pod publishes: the first, where it is several. */
export function endpointOf(pod: Pod | undefined): string | undefined {
  return pod?.metadata.annotations?.[endpointAnnotation];
}

/** Bound to this uid, and not given up. */
export function isHeldBy(port: NLBPort | undefined, uid: string | undefined): boolean {
  const claim = port?.spec.claim;
  return claim !== undefined && claim.releasedAt === undefined && claim.uid === uid;
}
