import { foundAnnotation, portObjectName } from '../api/names.ts';
import type { PoolSpec } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { isConflict, isFree } from './allocate.ts';

/** One load balancer as the last complete listing showed it. */
export interface PlannedLoadBalancer {
  arn: string;
  /** Port numbers of all listeners on it that do not belong to this pool. */
  foreignListenerPorts: readonly number[];
  /** Port numbers on which this cluster has a listener for the NLBPort of that name. */
  ownListenerPorts?: ReadonlySet<number>;
  /** Port numbers that an earlier pool owns here. */
  ownedByOthers: ReadonlySet<number>;
}

export interface PoolPlanInput {
  poolName: string;
  spec: Pick<PoolSpec, 'ports' | 'protocol' | 'warm' | 'reservedPorts'>;
  /** True while the pool is being deleted: every port is retired. */
  deleting: boolean;
  loadBalancers: readonly PlannedLoadBalancer[];
  /** All NLBPorts whose spec names the pool. */
  ports: readonly NLBPort[];
  /** Listeners that AWS allows on one load balancer. */
  listenersPerLoadBalancer: number;
}

/** The NLBPorts as the pool wants them, as changes to what is there. */
export interface PoolPlan {
  create: NLBPort[];
  /** Names of ports whose `retire` or `warm` is to change, with the new values. */
  change: { name: string; retire?: boolean; warm?: boolean }[];
  /** Ports that are to go and that nobody holds, at the resourceVersion that shows it. */
  remove: NLBPort[];
  /** Usable ports by load balancer. */
  capacity: Map<string, number>;
}

/**
 * Decides which NLBPorts a pool has, which are warm, and which go. On each load balancer it uses as many ports as AWS
 * leaves room for beside the listeners of others, and beside those that its own ports outside of the range still have:
 * those that are claimed, then the reserved ones, then the lowest numbers. A port on which someone else listens stays as an object, so that
 * people see it, and counts for nothing.
 */
export function planPool(input: PoolPlanInput): PoolPlan {
  const plan: PoolPlan = { create: [], change: [], remove: [], capacity: new Map() };
  const existing = new Map(input.ports.map(port => [port.metadata.name, port]));
  const wanted = new Map<string, { arn: string; port: number; foreign: boolean }>();

  for (const loadBalancer of input.deleting ? [] : input.loadBalancers) {
    const numbers = usableNumbers(input, loadBalancer, existing);
    plan.capacity.set(loadBalancer.arn, numbers.usable.length);
    for (const port of numbers.usable) {
      wanted.set(portObjectName(loadBalancer.arn, port), { arn: loadBalancer.arn, port, foreign: false });
    }
    for (const port of numbers.foreign) {
      wanted.set(portObjectName(loadBalancer.arn, port), { arn: loadBalancer.arn, port, foreign: true });
    }
  }

  const warm = warmNames(input.spec, wanted, existing);
  for (const [name, { arn, port }] of wanted) {
    const found = existing.get(name);
    if (!found) plan.create.push(newPort(input, name, arn, port, warm.has(name), hasListener(input, arn, port)));
    // One that is on its way out goes to its end, and is made again then.
    else if (found.metadata.deletionTimestamp === undefined) {
      // Whoever holds a port keeps it as warm as it is: it is looked at again when it is free.
      const wantWarm = found.spec.claim ? found.spec.warm : warm.has(name);
      const change = {
        name,
        ...(found.spec.retire ? { retire: false } : {}),
        ...(found.spec.warm === wantWarm ? {} : { warm: wantWarm }),
      };
      if (Object.keys(change).length > 1) plan.change.push(change);
    }
  }
  for (const [name, port] of existing) {
    if (wanted.has(name)) continue;
    if (!port.spec.retire) plan.change.push({ name, retire: true });
    else if (!port.spec.claim && port.metadata.deletionTimestamp === undefined) plan.remove.push(port);
  }
  return plan;
}

function usableNumbers(
  input: PoolPlanInput,
  loadBalancer: PlannedLoadBalancer,
  existing: ReadonlyMap<string, NLBPort>,
): { usable: number[]; foreign: number[] } {
  const foreignSet = new Set(loadBalancer.foreignListenerPorts);
  const { min, max } = input.spec.ports;
  const claimed: number[] = [];
  const open: number[] = [];
  const foreign: number[] = [];
  for (let port = min; port <= max; port++) {
    if (loadBalancer.ownedByOthers.has(port)) continue;
    const found = existing.get(portObjectName(loadBalancer.arn, port));
    if (foreignSet.has(port)) foreign.push(port);
    else if (found?.spec.claim) claimed.push(port);
    else open.push(port);
  }
  const leaving = input.ports.filter(({ spec, status }) => {
    const isCandidate = spec.port >= min && spec.port <= max && !loadBalancer.ownedByOthers.has(spec.port);
    const isUp = spec.claim !== undefined || status?.listenerArn !== undefined;
    return spec.loadBalancer.arn === loadBalancer.arn && !isCandidate && isUp && !foreignSet.has(spec.port);
  });
  const taken = foreignSet.size + claimed.length + leaving.length;
  const room = Math.max(0, input.listenersPerLoadBalancer - taken);
  const isReserved = (port: number) => Number(input.spec.reservedPorts?.includes(port) ?? false);
  // Who asks for a reserved number can do with no other.
  open.sort((a, b) => isReserved(b) - isReserved(a) || a - b);
  return { usable: [...claimed, ...open.slice(0, room)], foreign };
}

/**
 * The free ports that are kept warm: those that are, then the pool's order, so that nothing is moved without need. Reserved
 * ones are not: most claims can't have them.
 */
function warmNames(
  { warm: count, reservedPorts = [] }: PoolPlanInput['spec'],
  wanted: ReadonlyMap<string, { port: number; foreign: boolean }>,
  existing: ReadonlyMap<string, NLBPort>,
): Set<string> {
  const free = [...wanted].flatMap(([name, { foreign, port: number }]) => {
    const port = existing.get(name);
    if (
      foreign ||
      reservedPorts.includes(number) ||
      (port && (port.spec.claim || port.metadata.deletionTimestamp || isConflict(port)))
    )
      return [];
    return [{ name, warm: port?.spec.warm ?? false }];
  });
  return new Set(
    free
      .toSorted((a, b) => Number(b.warm) - Number(a.warm))
      .slice(0, count)
      .map(({ name }) => name),
  );
}

/** Whether AWS holds a listener of the port already, as after its object was deleted. */
function hasListener({ loadBalancers }: PoolPlanInput, arn: string, port: number): boolean {
  return loadBalancers.some(known => known.arn === arn && known.ownListenerPorts?.has(port));
}

function newPort(
  input: PoolPlanInput,
  name: string,
  arn: string,
  port: number,
  warm: boolean,
  isFound: boolean,
): NLBPort {
  return {
    apiVersion: 'nlbports.dev/v1alpha1',
    kind: 'NLBPort',
    metadata: {
      name,
      labels: { 'nlbports.dev/pool': input.poolName },
      ...(isFound ? { annotations: { [foundAnnotation]: 'true' } } : {}),
      finalizers: ['nlbports.dev/aws'],
    },
    spec: { pool: input.poolName, loadBalancer: { arn }, port, protocol: input.spec.protocol, warm },
  };
}

/** How many ports are in which state, for the pool's status. */
export function countPorts(
  ports: readonly NLBPort[],
  isForeign: (port: NLBPort) => boolean,
  reserved: readonly number[] = [],
) {
  const counts = { total: ports.length, free: 0, warm: 0, bound: 0, resting: 0, conflict: 0 };
  for (const port of ports) {
    if (port.spec.claim?.releasedAt) counts.resting++;
    else if (port.spec.claim) counts.bound++;
    else if (isForeign(port) || isConflict(port)) counts.conflict++;
    else if (isFree(port) && !reserved.includes(port.spec.port)) {
      counts.free++;
      if (port.status?.phase === 'Available') counts.warm++;
    }
  }
  return counts;
}
