import type { NLBPort } from '../api/port.ts';

/** What `allocate` looks at. */
export interface AllocationState {
  /** The pool's load balancers that can be used, in the pool's order; ports elsewhere are passed over. */
  loadBalancerArns: readonly string[];
  /** The NLBPorts of the pool, in any order. */
  ports: readonly NLBPort[];
  /** Names of ports that this process has just given away and the cache may not show yet. */
  taken: ReadonlySet<string>;
  /** Ports on which the pool's last listing found someone else's listener. */
  isForeign: (port: NLBPort) => boolean;
}

export type Allocation =
  | { kind: 'allocated'; ports: NLBPort[] }
  /** No load balancer has `wanted` ports free; `mostFree` is the best that one has. */
  | { kind: 'exhausted'; wanted: number; mostFree: number };

/**
 * Chooses `count` ports, all on one load balancer: where most of them are warm, then in the pool's order, and there the
 * warm ones first, lowest number first. It only chooses: the API server's compare-and-swap decides.
 */
export function allocate(state: AllocationState, count: number): Allocation {
  let best: NLBPort[] | undefined;
  let bestWarm = -1;
  let mostFree = 0;
  const freeByArn = Map.groupBy(
    state.ports.filter(port => !state.taken.has(port.metadata.name) && isFree(port) && !state.isForeign(port)),
    port => port.spec.loadBalancer.arn,
  );
  for (const arn of state.loadBalancerArns) {
    const free = freeByArn.get(arn) ?? [];
    mostFree = Math.max(mostFree, free.length);
    if (free.length < count) continue;
    const chosen = free
      .toSorted((a, b) => Number(b.spec.warm) - Number(a.spec.warm) || a.spec.port - b.spec.port)
      .slice(0, count);
    const warm = chosen.filter(port => port.spec.warm).length;
    if (warm > bestWarm) [best, bestWarm] = [chosen, warm];
  }
  return best ? { kind: 'allocated', ports: best } : { kind: 'exhausted', wanted: count, mostFree };
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
