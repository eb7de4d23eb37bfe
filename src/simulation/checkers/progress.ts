import { findCondition } from '../../api/conditions.ts';
import { poolLabel, readyCondition } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import { isFree } from '../../core/allocate.ts';
import type { Invariant, Scene } from './invariant.ts';
import { allHeldBy, asks, wishOf } from './sight.ts';

/**
 * While AWS and Kubernetes answer at all and capacity exists, every claim becomes ready: in a world at rest nobody waits
 * while a port is free, everyone with a port is told that it is reachable, every pool has its ports, and as many of them
 * are warm as it wants.
 */
export const progress: Invariant = {
  name: 'progress',
  check: scene => ({
    atRest() {
      const wrong: string[] = [];
      for (const [key, pod] of scene.pods) {
        if (!asks(scene, pod) || pod.metadata.deletionTimestamp !== undefined || pod.status?.podIP === undefined)
          continue;
        const poolName = pod.metadata.labels?.[poolLabel] ?? '';
        const [held] = allHeldBy(scene, pod.metadata.uid);
        const ready = pod.status.conditions?.find(({ type }) => type === readyCondition);
        if (held && ready?.status !== 'True')
          wrong.push(`${key} has ${held.metadata.name}, and is not ready: ${ready?.reason}`);
        const needed = wishOf(pod).length;
        const open = [...scene.ports.values()].filter(port => isOpen(scene, port, poolName));
        const free = [...Map.groupBy(open, port => port.spec.loadBalancer.arn).values()].find(
          ports => ports.length >= needed,
        );
        if (!held && free) {
          const names = free.map(({ metadata }) => metadata.name).join();
          wrong.push(`${key} waits (${ready?.reason}) for ${needed} while ${names} is free`);
        }
        if (!held && !free && ready?.status !== 'False') wrong.push(`${key} is not told why it waits`);
      }
      for (const [name, pool] of scene.pools) {
        const ports = [...scene.ports.values()].filter(({ spec }) => spec.pool === name);
        if (pool.metadata.deletionTimestamp !== undefined) {
          if (!ports.some(({ spec }) => spec.claim)) wrong.push(`${name} is being deleted, and nobody holds its ports`);
          continue;
        }
        if (pool.status?.observedGeneration !== pool.metadata.generation)
          wrong.push(`${name} has not followed its edit`);
        const open = ports.filter(port => isOpen(scene, port, name));
        const warm = open.filter(({ status }) => status?.phase === 'Available').length;
        const wanted = Math.min(pool.spec.warm, open.length);
        if (warm !== wanted) wrong.push(`${name} has ${warm} warm ports of ${wanted}`);
        for (const port of ports) {
          if (port.spec.retire && !port.spec.claim)
            wrong.push(`${port.metadata.name} is to be retired and still there`);
        }
        const capacity = (pool.status?.loadBalancers ?? []).reduce((sum, entry) => sum + entry.capacity, 0);
        const usable = ports.filter(({ spec }) => !spec.retire).length;
        if (usable < capacity) wrong.push(`${name} has ${usable} of ${capacity} ports`);
      }
      return wrong;
    },
  }),
};

/** Whether a claim could have the port: free, and nobody else listens there. */
function isOpen(scene: Scene, port: NLBPort, poolName: string): boolean {
  if (port.spec.pool !== poolName || !isFree(port)) return false;
  const provisioned = findCondition(port.status?.conditions, 'Provisioned');
  return provisioned?.reason !== 'ListenerConflict' && scene.aws().loadBalancers.has(port.spec.loadBalancer.arn);
}
