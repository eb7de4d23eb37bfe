import type { NLBPort } from '../api/port.ts';
import { isBeingFound } from './adoption.ts';
import { isInPlace } from './lifecycle.ts';

/** The ports that can be given away: by load balancer in the pool's order, each list in the order of choice. */
export type FreePorts = ReadonlyMap<string, readonly NLBPort[]>;

export type Allocation =
  /** `free` is what is left. */
  | { kind: 'allocated'; ports: NLBPort[]; free: FreePorts }
  /** No load balancer has `wanted` ports free; `mostFree` is the best that one has. */
  | { kind: 'exhausted'; wanted: number; mostFree: number };

/**
 * Sorts out which ports of a pool are free: those on the given load balancers that nobody has, warm ones first, before all
 * those that are up, then lowest number first. `isTaken` tells of ports that may not be given away for reasons outside of their objects: just
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
      (byArn.get(arn) ?? []).toSorted((a, b) => warmth(b) - warmth(a) || a.spec.port - b.spec.port),
    ]),
  );
}

/**
 * Chooses `count` ports, all on one load balancer: where they are warmest, then in the pool's order. It only
 * chooses: the API server's compare-and-swap decides.
 */
export function allocate(free: FreePorts, count: number): Allocation {
  let best: string | undefined;
  let bestWarm = -1;
  let mostFree = 0;
  for (const [arn, ports] of free) {
    mostFree = Math.max(mostFree, ports.length);
    if (ports.length < count) continue;
    const warm = ports.slice(0, count).reduce((sum, port) => sum + warmth(port), 0);
    if (warm > bestWarm) [best, bestWarm] = [arn, warm];
  }
  if (best === undefined) return { kind: 'exhausted', wanted: count, mostFree };
  const ports = free.get(best) ?? [];
  return { kind: 'allocated', ports: ports.slice(0, count), free: new Map(free).set(best, ports.slice(count)) };
}

/**
 * Chooses a port for every wish, in their order, beside those that are `kept` for the claimant, as it holds them or they
 * were its namesake's: each of them is given to the wish of its name, and the others come from the same load balancer, the
 * one that has most of what is kept. What is held comes before what was left, and what was left last before the rest.
 * Where they do not fit there, all are chosen anew.
 */
export function allocateBeside(
  free: FreePorts,
  kept: readonly NLBPort[],
  wishes: readonly { name: string }[],
): Allocation {
  const names = new Set(wishes.map(({ name }) => name));
  const latestFirst = kept.toSorted((a, b) => (releasedAt(a) < releasedAt(b) ? 1 : -1));
  let best = new Map<string, NLBPort>();
  for (const [, there] of Map.groupBy(latestFirst, port => port.spec.loadBalancer.arn)) {
    const byName = new Map<string, NLBPort>();
    for (const port of there) {
      const name = port.spec.claim?.portName ?? '';
      if (names.has(name) && !byName.has(name)) byName.set(name, port);
    }
    if (byName.size > best.size) best = byName;
  }
  const [first] = best.values();
  if (first) {
    const { arn } = first.spec.loadBalancer;
    const rest = allocate(new Map([[arn, free.get(arn) ?? []]]), wishes.length - best.size);
    if (rest.kind === 'allocated') {
      const others = rest.ports.values();
      const ports = wishes.flatMap(({ name }) => best.get(name) ?? others.next().value ?? []);
      return { kind: 'allocated', ports, free: new Map(free).set(arn, rest.free.get(arn) ?? []) };
    }
  }
  return allocate(free, wishes.length);
}

/** That a port is kept warm says nothing of what AWS let be made of it: one that is up is worth more. */
function warmth(port: NLBPort): number {
  if (!port.spec.warm) return 0;
  return isInPlace(port) ? 2 : 1;
}

/** What is still held comes after any time. */
function releasedAt({ spec: { claim } }: NLBPort): string {
  return claim?.releasedAt ?? '~';
}

/** Whether a claim could have the port now, as far as the object itself says. */
export function isFree(port: NLBPort): boolean {
  return (
    port.spec.claim === undefined &&
    !port.spec.retire &&
    port.metadata.deletionTimestamp === undefined &&
    // Targets that AWS may still hold belong to someone else: they go first.
    (port.status?.targets ?? []).length === 0 &&
    !isBeingFound(port) &&
    !isConflict(port)
  );
}

/** Whether someone else's listener or target group was found in the port's place, or listeners of others leave it none. */
export function isConflict({ status }: Pick<NLBPort, 'status'>): boolean {
  const { reason, message = '' } = status?.conditions?.find(({ type }) => type === 'Provisioned') ?? {};
  const isFull = reason === 'AwsQuotaExceeded' && message.includes('TooManyListeners');
  return isFull || reason === 'ListenerConflict' || reason === 'TargetGroupConflict';
}
