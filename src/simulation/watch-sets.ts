import { boundAnnotation, endpointAnnotation, endpointsAnnotation } from '../api/names.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import { createInformer } from '../kube/informer.ts';
import type { Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import type { KubeTransport } from '../kube/transport.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';

/** One entry of the annotation that lists a pod's endpoints. */
export interface PublishedPort {
  name: string;
  protocol: string;
  host: string;
  port: number;
  targetPort: number;
  state: string;
}

/** What the pod publishes. */
export const publishedBy = (pod: Pod): PublishedPort[] =>
  JSON.parse(pod.metadata.annotations?.[endpointsAnnotation] ?? '[]') as PublishedPort[];

/** The NLBPorts that the pod has accepted. */
export const committedBy = (pod: Pod): string[] => pod.metadata.annotations?.[boundAnnotation]?.split(',') ?? [];

/**
 * Watches every change of pods and NLBPorts, and collects each set of ports that was committed, exposed or published in
 * part. Pods whose names begin with `one` ask for one port, all others for three.
 */
export async function watchSets(target: {
  transport: KubeTransport;
  clock: Clock;
  /** How much later than a port's news the pod's may arrive, by another watch. @default 100 */
  graceMs?: number;
}): Promise<{ broken: string[]; events(): number; stop(): void }> {
  const broken: string[] = [];
  const stop = new AbortController();
  const deps = { ...target, random: seededRandom(1), log: silentLog() };
  let events = 0;
  const ports = createInformer<NLBPort>({ ...deps, resource: nlbPorts });
  const pods = createInformer<Pod>({ ...deps, resource: podResource });
  const wishOf = (pod: Pod) => (pod.metadata.name.startsWith('one') ? 1 : 3);
  /** Every commit that a pod ever had, by uid. */
  const commits = new Map<string, string[]>();
  pods.onChange(({ key, object: pod }) => {
    events += 1;
    if (!pod) return;
    const [committed, published] = [committedBy(pod), publishedBy(pod)];
    if (committed.length > 0) commits.set(pod.metadata.uid!, [...(commits.get(pod.metadata.uid!) ?? []), ...committed]);
    for (const [what, count] of [
      ['committed', committed.length],
      ['published', published.length],
    ] as const) {
      if (count !== 0 && count !== wishOf(pod)) broken.push(`${key} ${what} ${count} ports`);
    }
    if (new Set(published.map(({ host }) => host)).size > 1) broken.push(`${key} published two hosts`);
    const first = published[0] && `${published[0].host}:${published[0].port}`;
    if (pod.metadata.annotations?.[endpointAnnotation] !== first) broken.push(`${key} published another endpoint`);
  });
  ports.onChange(({ key, object, previous }) => {
    const claim = object?.spec.claim;
    if (!claim?.exposed || (previous?.spec.claim?.exposed && previous.spec.claim.uid === claim.uid)) return;
    // The pod's news may arrive after the port's.
    void sleep(target.clock, target.graceMs ?? 100).then(() => {
      if (!commits.get(claim.uid)?.includes(key)) broken.push(`${key} was exposed for ${claim.name} without a commit`);
    });
  });
  await Promise.all([ports.start(stop.signal), pods.start(stop.signal)]);
  return { broken, events: () => events, stop: () => stop.abort() };
}
