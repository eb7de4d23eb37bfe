import { isDeepStrictEqual } from 'node:util';
import { findCondition, withCondition } from '../api/conditions.ts';
import type { CodedError } from '../api/errors.ts';
import { poolFinalizer, portObjectName, proceedAnnotation } from '../api/names.ts';
import { type LoadBalancerStatus, type NLBPortPool, nlbPortPools, type PoolStatus } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import type { FoundListener } from '../aws/inventory.ts';
import { countPorts, type PlannedLoadBalancer, type PoolPlan, planPool } from '../core/plan-pool.ts';
import { poolConditions } from '../core/pool-conditions.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../kube/kube-error.ts';
import type { ReconcileResult, WorkQueue } from '../kube/work-queue.ts';
import type { Log } from '../runtime/log.ts';
import { createPoolListings, type PoolListing, type PoolListingsDeps } from './pool-listings.ts';
import { isForeign } from './port-context.ts';
import type { RestoredGuard } from './restored.ts';
import { updateStatus } from './update-status.ts';

export interface PoolsDeps extends PoolListingsDeps {
  client: KubeClient;
  pools: Informer<NLBPortPool>;
  ports: Informer<NLBPort>;
  restored: RestoredGuard;
  /** Claims of the pool that wait for a port. */
  waitingClaims: (poolName: string) => number;
  events: EventRecorder;
  log: Log;
  options: PoolsOptions;
}

export type PoolsOptions = PoolListingsDeps['options'] & {
  /** Listeners that AWS allows on one load balancer: 50, and not adjustable (AWS quotas for Network Load Balancers). */
  listenersPerLoadBalancer: number;
  /** Longest time one AWS call may take: a shorter quarantine earns the pool a warning. */
  awsAttemptMs: number;
};

/** NLBPorts that are written at a time; the API server takes hundreds a second. */
const writesAtOnce = 16;

/**
 * Keeps the set of a pool's NLBPorts as the pool wants them.
 *
 * Trigger: the pool, its NLBPorts, another pool, a count of waiting claims, and the time of the next listing. Reads: the
 * pool, NLBPorts, other pools; load balancers and listeners in AWS. Writes: NLBPorts (made, `warm`, `retire`, deleted),
 * the pool's status and finalizer; nothing in AWS. Requeue: at the next listing. Failure: a listing that is not complete
 * changes nothing; its error stands in the pool's condition.
 */
export function poolReconciler(deps: PoolsDeps): (name: string) => Promise<ReconcileResult> {
  const listings = createPoolListings(deps);
  const savedAtMs = new Map<string, number>();

  return async name => {
    const pool = deps.pools.get(name);
    if (!pool || !deps.isLeader() || deps.signal.aborted) {
      listings.forget(name);
      savedAtMs.delete(name);
      if (!pool) deps.restored.forget(name);
      return {};
    }
    const deleting = pool.metadata.deletionTimestamp !== undefined;
    const restMs = (savedAtMs.get(name) ?? Number.NEGATIVE_INFINITY) + settleMs - deps.clock.nowMs();
    // What people write is looked at at once; what follows from it is gathered, as the turn before may have taken long.
    if (!deleting && pool.status?.observedGeneration === pool.metadata.generation && restMs > 0) {
      return { requeueAfterMs: Math.max(10, restMs) };
    }
    if (!deleting && !pool.metadata.finalizers?.includes(poolFinalizer)) {
      await setFinalizers(deps, pool, [...(pool.metadata.finalizers ?? []), poolFinalizer]);
      return { requeueAfterMs: 10 };
    }
    if (!deleting && mustWaitForOlder(deps, pool)) return { requeueAfterMs: 200 };
    const listing = deleting ? undefined : await listings.current(pool);
    const loadBalancers = deleting ? [] : loadBalancerStatuses(deps, pool, listing);
    const planned = loadBalancers.map(loadBalancer => plannedLoadBalancer(deps, pool, loadBalancer, listing));
    const ports = deps.ports.by('pool', name);
    if (ports.length > 0) deps.restored.saw(pool);
    const plan = planPool({
      poolName: name,
      spec: pool.spec,
      deleting,
      loadBalancers: planned,
      ports,
      listenersPerLoadBalancer: deps.options.listenersPerLoadBalancer,
    });
    if (plan.create.length > 0 && listing && !listing.fresh && !listing.failed) {
      // Made again, perhaps, after somebody deleted them: what AWS holds of them by now decides who gets them first.
      listings.forget(name);
      return { requeueAfterMs: 10 };
    }
    const held = plan.create.length > 0 ? await whyNotMade(deps, pool, listing) : undefined;
    if (held) plan.create = [];
    for (const entry of loadBalancers) entry.capacity = plan.capacity.get(entry.arn) ?? 0;
    // The status first: ports are made when claims can already see where they stand.
    const problem = listing?.failed ?? held ?? listing?.problems[0];
    const saved = await saveStatus(deps, pool, loadBalancers, planned, problem);
    // It is gone, or says something else since AWS was asked: what was planned for it is void.
    if (!saved) return { requeueAfterMs: 10 };
    if (saved.metadata.resourceVersion !== pool.metadata.resourceVersion) savedAtMs.set(name, deps.clock.nowMs());
    const overlap = await carryOut(deps, plan);
    if (overlap) deps.log.warn({ pool: name }, 'A port of the pool is owned by another pool');
    if (deleting && deps.ports.by('pool', name).length === 0) {
      // The cache may be behind: only the API server's own list says that no port is left.
      const left = (await deps.client.list(nlbPorts)).items.filter(({ spec }) => spec.pool === name);
      for (const port of left) deps.ports.put(port);
      if (left.length > 0) return { requeueAfterMs: settleMs };
      const latest = deps.pools.get(name) ?? pool;
      const others = (latest.metadata.finalizers ?? []).filter(item => item !== poolFinalizer);
      return (await setFinalizers(deps, latest, others)) === 'conflict' ? { requeueAfterMs: 200 } : {};
    }
    if (!listing) return {};
    const wait =
      listing.failed || (held && held.reason !== 'ClusterRestored') ? deps.options.retryMs : deps.options.resyncMs;
    return { requeueAfterMs: Math.max(10, listing.atMs + wait - deps.clock.nowMs()) };
  };
}

/** Shortest time between two turns for one pool: its status is written at most once a second. */
const settleMs = 1_000;

/** How long a younger pool waits for an older one to find its load balancers. */
const newPoolMs = 30_000;

/** Adds to the queue every pool that a change of a pool or of an NLBPort concerns. */
export function watchForPools(deps: Pick<PoolsDeps, 'pools' | 'ports'>, queue: WorkQueue): void {
  deps.pools.onChange(({ key, object, previous }) => {
    const wished =
      object?.metadata.generation !== previous?.metadata.generation ||
      object?.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp ||
      object?.metadata.annotations?.[proceedAnnotation] !== previous?.metadata.annotations?.[proceedAnnotation];
    if (!wished) return;
    queue.add(key);
    // What one pool owns, another may not.
    for (const other of deps.pools.list())
      if (other.metadata.name !== key) queue.addAfter(other.metadata.name, settleMs);
  });
  deps.ports.onChange(({ object, previous }) => {
    const pool = object?.spec.pool ?? previous?.spec.pool;
    if (pool) queue.addAfter(pool, settleMs);
  });
}

/** Why the pool's ports may not be made now: what AWS holds of them may serve live rooms. */
function whyNotMade(
  deps: PoolsDeps,
  pool: NLBPortPool,
  listing: PoolListing | undefined,
): Promise<CodedError | undefined> {
  const options = { priority: 'audit' as const, stillWanted: deps.isLeader, signal: deps.signal };
  return deps.restored.whyNot(pool, [...(listing?.listeners.values() ?? [])].flat(), options);
}

/**
 * The load balancers as the pool's status is to have them. One that is missing from a complete listing stays for one
 * more: absence is not death.
 */
function loadBalancerStatuses(
  deps: PoolsDeps,
  pool: NLBPortPool,
  listing: PoolListing | undefined,
): LoadBalancerStatus[] {
  const before = pool.status?.loadBalancers ?? [];
  if (!listing || (listing.failed && listing.loadBalancers.length === 0)) return before.map(entry => ({ ...entry }));
  const hostnames = new Map(pool.spec.loadBalancers.map(({ arn, hostname }) => [arn, hostname]));
  const found = listing.loadBalancers.map((loadBalancer): LoadBalancerStatus => {
    const { arn, name, dnsName, vpcId, scheme, state, dualStack } = loadBalancer;
    const hostname = hostnames.get(arn) ?? dnsName;
    return {
      arn,
      name,
      dnsName,
      hostname,
      vpcId,
      scheme,
      state,
      capacity: 0,
      foreignPorts: foreignPorts(deps, pool, listing, arn),
      ...(dualStack ? { ipv6: true } : {}),
    };
  });
  const gone = before.flatMap(entry => {
    if (found.some(({ arn }) => arn === entry.arn)) return [];
    if (!isWished(pool, entry)) return [];
    const missing = (entry.missing ?? 0) + (listing.failed || !listing.fresh ? 0 : 1);
    return missing >= 2 ? [] : [{ ...entry, missing }];
  });
  return [...found, ...gone];
}

/** Whether the spec could still mean this load balancer: one whose ARN was taken out of it leaves at once. */
function isWished(pool: NLBPortPool, { arn }: LoadBalancerStatus): boolean {
  return pool.spec.loadBalancers.some(choice => choice.arn === arn || choice.tags !== undefined);
}

function plannedLoadBalancer(
  deps: PoolsDeps,
  pool: NLBPortPool,
  { arn, foreignPorts: known }: LoadBalancerStatus,
  listing: PoolListing | undefined,
): PlannedLoadBalancer {
  const listed = listing?.listeners.get(arn);
  const foreignListenerPorts = listed
    ? listed.filter(listener => !isOwn(deps, pool, listener)).map(({ port }) => port)
    : known;
  const own = (listed ?? []).filter(({ port, owner }) => owner === portObjectName(arn, port));
  const ownListenerPorts = new Set(own.map(({ port }) => port));
  return { arn, foreignListenerPorts, ownListenerPorts, ownedByOthers: ownedByOthers(deps, pool, arn) };
}

function foreignPorts(deps: PoolsDeps, pool: NLBPortPool, listing: PoolListing, arn: string): number[] {
  const { min, max } = pool.spec.ports;
  return (listing.listeners.get(arn) ?? [])
    .filter(listener => listener.port >= min && listener.port <= max && !isOwn(deps, pool, listener))
    .map(({ port }) => port)
    .filter((port, at, all) => all.indexOf(port) === at)
    .toSorted((a, b) => a - b);
}

/** Ours by tag, and of a port of this pool: a listener that another pool's port made is someone else's here. */
function isOwn(deps: PoolsDeps, pool: NLBPortPool, { owner }: FoundListener): boolean {
  if (owner === undefined) return false;
  const port = deps.ports.get(owner);
  return port === undefined || port.spec.pool === pool.metadata.name;
}

/** Numbers that another pool owns on the load balancer: its objects are there, or it is older and wants them. */
function ownedByOthers(deps: PoolsDeps, pool: NLBPortPool, arn: string): Set<number> {
  const numbersOf = (name: string) =>
    deps.ports
      .by('pool', name)
      .filter(port => port.spec.loadBalancer.arn === arn)
      .map(port => port.spec.port);
  const own = new Set(numbersOf(pool.metadata.name));
  const numbers = new Set<number>();
  for (const other of deps.pools.list()) {
    if (other.metadata.name === pool.metadata.name) continue;
    for (const port of numbersOf(other.metadata.name)) numbers.add(port);
    const wanted = other.status?.loadBalancers?.some(loadBalancer => loadBalancer.arn === arn);
    if (!wanted || !isOlder(other, pool) || other.metadata.deletionTimestamp !== undefined) continue;
    // A port that this pool has is this pool's: the name is unique, so the older one has to do without.
    for (let port = other.spec.ports.min; port <= other.spec.ports.max; port++) if (!own.has(port)) numbers.add(port);
  }
  return numbers;
}

/** Whether an older pool has only just come and may still claim what this one is about to make. */
function mustWaitForOlder(deps: PoolsDeps, pool: NLBPortPool): boolean {
  const nowMs = deps.clock.nowMs();
  return deps.pools.list().some(other => {
    const isNew = nowMs - Date.parse(other.metadata.creationTimestamp ?? '') < newPoolMs;
    return isNew && isOlder(other, pool) && other.status?.observedGeneration === undefined;
  });
}

function isOlder(a: NLBPortPool, b: NLBPortPool): boolean {
  const [atA, atB] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return atA === atB ? a.metadata.name < b.metadata.name : atA < atB;
}

/** Writes the plan; true where a port to be made exists and belongs to another pool. */
async function carryOut(deps: PoolsDeps, plan: PoolPlan): Promise<boolean> {
  let overlap = false;
  const writes = [
    ...plan.create.map(port => async () => {
      try {
        deps.ports.put(await deps.client.create(nlbPorts, port));
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
        const live = await deps.client.get(nlbPorts, { name: port.metadata.name });
        deps.ports.put(live);
        if (live.spec.pool !== port.spec.pool) overlap = true;
      }
    }),
    ...plan.change.map(({ name, ...spec }) => async () => {
      try {
        deps.ports.put(await deps.client.patch(nlbPorts, { name }, { type: 'merge', body: { spec } }));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }),
    ...plan.remove.map(port => async () => {
      const { name, uid, resourceVersion } = port.metadata;
      try {
        // With the resourceVersion that showed no claim.
        await deps.client.delete(
          nlbPorts,
          { name },
          { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) },
        );
      } catch (error) {
        if (!isConflict(error) && !isInvalid(error)) throw error;
      }
    }),
  ];
  for (let at = 0; at < writes.length; at += writesAtOnce) {
    if (!deps.isLeader()) break;
    await Promise.all(writes.slice(at, at + writesAtOnce).map(write => write()));
  }
  return overlap;
}

async function saveStatus(
  deps: PoolsDeps,
  pool: NLBPortPool,
  loadBalancers: LoadBalancerStatus[],
  planned: readonly PlannedLoadBalancer[],
  problem: CodedError | undefined,
): Promise<NLBPortPool | undefined> {
  const { name } = pool.metadata;
  const nowMs = deps.clock.nowMs();
  const written = await updateStatus(
    { client: deps.client, informer: deps.pools, resource: nlbPortPools },
    pool,
    current => {
      if (current.metadata.generation !== pool.metadata.generation) return undefined;
      // What another process has found of the load balancers since is not for an older listing to take back.
      if (!isDeepStrictEqual(current.status?.loadBalancers, pool.status?.loadBalancers)) return undefined;
      const status: PoolStatus = { ...current.status, observedGeneration: current.metadata.generation, loadBalancers };
      const ports = deps.ports.by('pool', name);
      status.ports = countPorts(ports, port => isForeign(port, { ...current, status }), current.spec.reservedPorts);
      status.waiting = deps.waitingClaims(name);
      const facts = { ports, planned, problem, awsAttemptMs: deps.options.awsAttemptMs };
      for (const condition of poolConditions(current, status, facts)) {
        status.conditions = withCondition(status.conditions, condition, nowMs);
      }
      return status;
    },
  );
  if (!written) return undefined;
  for (const condition of written.status?.conditions ?? []) {
    const before = findCondition(pool.status?.conditions, condition.type);
    if (before?.reason === condition.reason) continue;
    const warning = condition.message.startsWith('NLBP-');
    // Only errors, and their end, are worth a line.
    if (!warning && !before?.message.startsWith('NLBP-') && condition.type !== 'Ready') continue;
    deps.events.record({
      resource: nlbPortPools,
      object: written,
      type: warning ? 'Warning' : 'Normal',
      reason: condition.reason,
      action: 'KeepPorts',
      message: condition.message,
    });
    if (warning) deps.log.warn({ pool: name, reason: condition.reason }, condition.message);
  }
  return written;
}

async function setFinalizers(deps: PoolsDeps, pool: NLBPortPool, finalizers: string[]): Promise<'done' | 'conflict'> {
  const { name, resourceVersion } = pool.metadata;
  try {
    const body = { metadata: { resourceVersion, finalizers } };
    deps.pools.put(await deps.client.patch(nlbPortPools, { name }, { type: 'merge', body }));
    return 'done';
  } catch (error) {
    if (isNotFound(error)) return 'done';
    if (!isConflict(error) && !isInvalid(error)) throw error;
    const live = await afterLostRace(deps.client, nlbPortPools, pool, error);
    if (live) deps.pools.put(live);
    return 'conflict';
  }
}
