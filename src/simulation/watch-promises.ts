import { boundAnnotation, endpointAnnotation } from '../api/names.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import { createInformer } from '../kube/informer.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import type { World } from './world.ts';

/**
 * Watches every change of a world's objects and collects what breaks a promise: a claim that passes from one claimant to
 * another without having been removed, unless the other is its namesake and it was released, a port that is bound while AWS still sends to someone, two pods publishing one endpoint, an endpoint published without the port, and an
 * endpoint that changes or vanishes while its port is held.
 */
export async function watchPromises(world: World): Promise<{ broken: readonly string[]; stop(): void }> {
  const broken: string[] = [];
  const stop = new AbortController();
  const deps = { transport: world.cluster.transport, clock: world.clock, random: seededRandom(1), log: silentLog() };
  const ports = createInformer<NLBPort>({ ...deps, resource: nlbPorts });
  const pods = createInformer<Pod>({ ...deps, resource: podResource });
  const complain = (what: string) => broken.push(`${new Date(world.clock.nowMs()).toISOString()} ${what}`);

  async function lookForStrangers(key: string, targetGroupArn: string): Promise<void> {
    const health = await world.aws('DescribeTargetHealth', { TargetGroupArn: targetGroupArn }).catch(() => undefined);
    const states = health?.texts('State') ?? [];
    const ids = (health?.texts('Id') ?? []).filter((_, at) => states[at] !== 'draining');
    if (ids.length > 0) complain(`${key} was bound while AWS still sent to ${ids.join()}`);
  }

  ports.onChange(({ key, object, previous }) => {
    const [was, is] = [previous?.spec.claim, object?.spec.claim];
    const isTakenOver = was?.releasedAt !== undefined && was.name === is?.name && was.namespace === is.namespace;
    if (was && is && was.uid !== is.uid && !isTakenOver) complain(`${key} passed from ${was.name} to ${is.name}`);
    if (was?.exposed && !was.releasedAt && !is) complain(`${key} was taken from ${was.name} without a release`);
    if (was?.releasedAt && !is && (previous?.status?.targets ?? []).length > 0) {
      complain(`${key} was freed while AWS may hold ${JSON.stringify(previous?.status?.targets)}`);
    }
    if (is && !was && object?.status?.targetGroupArn) void lookForStrangers(key, object.status.targetGroupArn);
    const live = (object?.status?.targets ?? []).filter(({ state }) => state !== 'Draining');
    if (live.length > 0 && !is) complain(`${key} has targets and no claim: ${JSON.stringify(live)}`);
  });
  pods.onChange(({ key, object, previous }) => {
    const [was, is] = [previous?.metadata.annotations, object?.metadata.annotations];
    const endpoint = is?.[endpointAnnotation];
    if (endpoint !== undefined && endpoint !== was?.[endpointAnnotation]) {
      const port = ports.get(is?.[boundAnnotation] ?? '');
      const isHeld = port?.spec.claim?.uid === object?.metadata.uid && port?.spec.claim?.exposed;
      // The port's news may come after the pod's: only what was never so is broken.
      if (port && !isHeld) complain(`${key} publishes ${endpoint} of ${port.metadata.name}, which it does not hold`);
      for (const other of pods.list()) {
        if (keyOf(other) === key || other.metadata.annotations?.[endpointAnnotation] !== endpoint) continue;
        const otherPort = ports.get(other.metadata.annotations[boundAnnotation] ?? '');
        if (otherPort?.spec.claim?.uid === other.metadata.uid && !otherPort?.spec.claim?.releasedAt)
          complain(`${key} and ${keyOf(other)} publish ${endpoint}`);
      }
    }
    const before = was?.[endpointAnnotation];
    if (before !== undefined && object && endpoint !== before && previous?.metadata.uid === object.metadata.uid) {
      const port = ports.get(was?.[boundAnnotation] ?? '');
      if (port?.spec.claim?.uid === object.metadata.uid && !port?.spec.claim?.releasedAt) {
        complain(`${key} had ${before}, and now ${endpoint ?? 'nothing'}, while it holds ${port?.metadata.name}`);
      }
    }
  });
  await Promise.all([ports.start(stop.signal), pods.start(stop.signal)]);
  return { broken, stop: () => stop.abort() };
}
