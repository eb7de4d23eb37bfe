import type { NLBPort } from '../api/port.ts';

/** The ports that can be given away: by load balancer in the pool's order, each list in the order of choice. */
export type FreePorts = ReadonlyMap<string, readonly NLBPort[]>;

export type Allocation =
  /** `free` is what is left. */
  | { kind: 'allocated'; ports: NLBPort[]; free: FreePorts }
  /** No load balancer has `wanted` ports free; `mostFree` is the best that one has. */
  | { kind: 'exhausted'; wanted: number; mostFree: number };

/**
 * Sorts out which ports of a pool are free: those on the given load balancers that nobody has, warm ones first, then
 * lowest number first. `isTaken` tells of ports that may not be given away for reasons outside of their objects: just
 * given away by this process, or a listener of someone else on them.
 */
export function freePorts(
  loadBalancerArns: readonly string[],
  ports: readonly NLBPort[],
  isTaken: (port: NLBPort) => boolean,
): FreePorts {
  const byArn = Map.groupBy(
    ports.filter(port => isFree(port) && !isTaken(port)),
    port => port.spec.loadBalancer.arn,
  );
  return new Map(
    loadBalancerArns.map(arn => [
      arn,
      (byArn.get(arn) ?? []).toSorted((a, b) => Number(b.spec.warm) - Number(a.spec.warm) || a.spec.port - b.spec.port),
    ]),
  );
}

/**
 * Chooses `count` ports, all on one load balancer: where most of them are warm, then in the pool's order. It only
 * chooses: the API server's compare-and-swap decides.
 */
export function allocate(free: FreePorts, count: number): Allocation {
  let best: string | undefined;
  let bestWarm = -1;
  let mostFree = 0;
  for (const [arn, ports] of free) {
    mostFree = Math.max(mostFree, ports.length);
    if (ports.length < count) continue;
    const warm = ports.slice(0, count).filter(port => port.spec.warm).length;
    if (warm > bestWarm) [best, bestWarm] = [arn, warm];
  }
  if (best === undefined) return { kind: 'exhausted', wanted: count, mostFree };
  const ports = free.get(best) ?? [];
  return { kind: 'allocated', ports: ports.slice(0, count), free: new Map(free).set(best, ports.slice(count)) };
}

/** Whether a claim could have the port now, as far as the object itself says. */
export function isFree(port: NLBPort): boolean {
  return (
    port.spec.claim === undefined &&
    !port.spec.retire &&
    port.metadata.deletionTimestamp === undefined &&
    // Targets that AWS may still hold belong to someone else: they go first.
    (port.status?.targets ?? []).length === 0 &&
    !isConflict(port)
  );
}

/** Whether someone else's listener or target group was found in the port's place. */
export function isConflict(port: NLBPort): boolean {
  const provisioned = port.status?.conditions?.find(condition => condition.type === 'Provisioned');
  return provisioned?.reason === 'ListenerConflict' || provisioned?.reason === 'TargetGroupConflict';
}
