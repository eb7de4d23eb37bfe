import { findCondition } from '../../api/conditions.ts';
import { poolLabel, readyCondition } from '../../api/names.ts';
import type { NLBPort } from '../../api/port.ts';
import { isFree } from '../../core/allocate.ts';
import type { Service } from '../../kube/objects.ts';
import type { Invariant, Scene } from './invariant.ts';
import { allHeldBy, asks, heldOf, nameOf, nameOfPort, placeOf, readyBehind, type WishedPort, wishOf } from './sight.ts';

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
        const free = freeFor(scene, poolName, wishOf(pod));
        if (!held && free) {
          const names = free.map(({ metadata }) => metadata.name).join();
          wrong.push(`${key} waits (${ready?.reason}) while ${names} is free`);
        }
        if (!held && !free && ready?.status !== 'False') wrong.push(`${key} is not told why it waits`);
      }
      for (const service of scene.services.values()) wrong.push(...judgeService(scene, service));
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
        // One that somebody deleted goes when its room does, and is made again then.
        const usable = ports.filter(({ spec, metadata }) => !spec.retire || metadata.deletionTimestamp).length;
        if (usable < capacity) wrong.push(`${name} has ${usable} of ${capacity} ports`);
      }
      return wrong;
    },
  }),
};

/** A Service that asks has its ports where they can be had, with every ready pod behind them, and says so. */
function judgeService(scene: Scene, service: Service): string[] {
  const name = nameOf(service);
  const ready = service.status?.conditions?.find(({ type }) => type === readyCondition);
  const held = heldOf(scene, service);
  const pool = scene.pools.get(held[0]?.spec.pool ?? poolAsked(scene, service) ?? '');
  if (!asks(scene, service) || !pool || pool.metadata.deletionTimestamp !== undefined) return [];
  const wished = wishOf(service);
  const { min, max } = pool.spec.ports;
  const isFulfilledBy = (wish: WishedPort, port: NLBPort) =>
    wish.number === undefined ? nameOfPort(service, port) === wish.name : port.spec.port === wish.number;
  const missing = wished.filter(wish => !held.some(port => isFulfilledBy(wish, port)));
  const wrong: string[] = [];
  if (wished.some(({ number }) => number !== undefined && (number < min || number > max))) {
    if (ready?.reason !== 'PortNotInRange') wrong.push(`${name} is not told that its number is none of the pool's`);
  } else if (missing.length > 0) {
    const arn = held[0]?.spec.loadBalancer.arn;
    const free = freeFor(scene, pool.metadata.name, missing, arn);
    const names = free?.map(({ metadata }) => metadata.name).join();
    if (free) wrong.push(`${name} waits (${ready?.reason}) while ${names} is free`);
    if (ready?.status !== 'False') wrong.push(`${name} is not told why it waits`);
  } else {
    const behind = readyBehind(scene, service);
    const [wanted, reason] = behind.length > 0 ? ['True', 'Healthy'] : ['False', 'NoEndpoints'];
    if (ready?.status !== wanted || ready.reason !== reason) {
      wrong.push(`${name} has ${behind.length} ready pods, and is told ${ready?.status} ${ready?.reason}`);
    }
    for (const wish of wished) {
      const port = held.find(each => isFulfilledBy(wish, each));
      const there = (port?.spec.targets ?? []).map(placeOf).toSorted().join();
      const places = behind.map(ip => placeOf({ ip, port: wish.targetPort })).toSorted();
      if (there !== places.join()) wrong.push(`${name} has [${there}] behind ${wish.name}, [${places}] wanted`);
    }
  }
  return wrong;
}

function poolAsked(scene: Scene, service: Service): string | undefined {
  return [...scene.pools.keys()].find(pool => asks(scene, service, pool));
}

/** Ports of one load balancer that a claim for these wishes could have: undefined where there are none. */
function freeFor(scene: Scene, poolName: string, wished: readonly WishedPort[], only?: string): NLBPort[] | undefined {
  const open = [...scene.ports.values()].filter(port => isOpen(scene, port, poolName));
  for (const [arn, ports] of Map.groupBy(open, port => port.spec.loadBalancer.arn)) {
    if (only !== undefined && arn !== only) continue;
    const fixed = new Set(wished.flatMap(({ number }) => number ?? []));
    const others = ports.filter(({ spec }) => !fixed.has(spec.port));
    const found = wished.map(({ number }) =>
      number === undefined ? others.shift() : ports.find(({ spec }) => spec.port === number),
    );
    if (!found.includes(undefined)) return found as NLBPort[];
  }
  return undefined;
}

/** Whether a claim could have the port: free, and nobody else listens there. */
function isOpen(scene: Scene, port: NLBPort, poolName: string): boolean {
  if (port.spec.pool !== poolName || !isFree(port)) return false;
  const provisioned = findCondition(port.status?.conditions, 'Provisioned');
  return provisioned?.reason !== 'ListenerConflict' && scene.aws().loadBalancers.has(port.spec.loadBalancer.arn);
}
