import { isDeepStrictEqual } from 'node:util';
import { findCondition, withCondition } from '../api/conditions.ts';
import { parseDurationMs } from '../api/duration.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import { poolFinalizer, portObjectName, proceedAnnotation } from '../api/names.ts';
import { type LoadBalancerStatus, type NLBPortPool, nlbPortPools, type PoolStatus } from '../api/pool.ts';
import { type NLBPort, nlbPorts } from '../api/port.ts';
import type { FoundListener, Inventory, LoadBalancer } from '../aws/inventory.ts';
import { whyNoListener } from '../core/ip-family.ts';
import { countPorts, type PlannedLoadBalancer, type PoolPlan, planPool } from '../core/plan-pool.ts';
import { whyNotProbed } from '../core/probe.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isAlreadyExists, isConflict, isInvalid, isNotFound } from '../kube/kube-error.ts';
import type { Condition } from '../kube/objects.ts';
import type { ReconcileResult, WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { isForeign } from './port-context.ts';
import type { RestoredGuard } from './restored.ts';
import { updateStatus } from './update-status.ts';

export interface PoolsDeps {
  client: KubeClient;
  pools: Informer<NLBPortPool>;
  ports: Informer<NLBPort>;
  inventory: Inventory;
  restored: RestoredGuard;
  /** Claims of the pool that wait for a port. */
  waitingClaims: (poolName: string) => number;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading. */
  signal: AbortSignal;
  options: PoolsOptions;
}

export interface PoolsOptions {
  /** Time between listings of a pool's load balancers and their listeners. */
  resyncMs: number;
  /** Time before a listing that failed is tried again. */
  retryMs: number;
  /** Listeners that AWS allows on one load balancer: 50, and not adjustable (AWS quotas for Network Load Balancers). */
  listenersPerLoadBalancer: number;
  /** Longest time one AWS call may take: a shorter quarantine earns the pool a warning. */
  awsAttemptMs: number;
}

/** What the last complete listing of a pool's load balancers showed. */
interface Listing {
  generation: number;
  atMs: number;
  loadBalancers: LoadBalancer[];
  listeners: Map<string, FoundListener[]>;
  problems: CodedError[];
  /** Set where the last try failed: the rest is older then. */
  failed?: CodedError | undefined;
  /** Whether this turn made it. */
  fresh: boolean;
}

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
  const listings = new Map<string, Listing>();
  const savedAtMs = new Map<string, number>();

  return async name => {
    const pool = deps.pools.get(name);
    if (!pool || !deps.isLeader() || deps.signal.aborted) {
      listings.delete(name);
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
    const listing = deleting ? undefined : await currentListing(deps, pool, listings);
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
      listings.delete(name);
      return { requeueAfterMs: 10 };
    }
    const held = plan.create.length > 0 ? await whyNotMade(deps, pool, listing) : undefined;
    if (held) plan.create = [];
    for (const entry of loadBalancers) entry.capacity = plan.capacity.get(entry.arn) ?? 0;
    // The status first: ports are made when claims can already see where they stand.
    const saved = await saveStatus(deps, pool, listing, loadBalancers, planned, held);
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
function whyNotMade(deps: PoolsDeps, pool: NLBPortPool, listing: Listing | undefined): Promise<CodedError | undefined> {
  const options = { priority: 'audit' as const, stillWanted: deps.isLeader, signal: deps.signal };
  return deps.restored.whyNot(pool, [...(listing?.listeners.values() ?? [])].flat(), options);
}

async function currentListing(
  deps: PoolsDeps,
  pool: NLBPortPool,
  listings: Map<string, Listing>,
): Promise<Listing | undefined> {
  const { name, generation = 0 } = pool.metadata;
  const last = listings.get(name);
  const nowMs = deps.clock.nowMs();
  const maxAgeMs = last?.failed ? deps.options.retryMs : deps.options.resyncMs;
  if (last && last.generation === generation && nowMs < last.atMs + maxAgeMs) return { ...last, fresh: false };
  const fresh = await list(deps, pool);
  const before = last ?? { loadBalancers: [], listeners: new Map(), problems: [] };
  const { loadBalancers, listeners, problems } = 'failed' in fresh ? before : fresh;
  const failed = 'failed' in fresh ? fresh.failed : undefined;
  const listing: Listing = { loadBalancers, listeners, problems, failed, generation, atMs: nowMs, fresh: true };
  listings.set(name, listing);
  return listing;
}

/** One complete listing, or why there is none. */
async function list(
  deps: PoolsDeps,
  pool: NLBPortPool,
): Promise<Omit<Listing, 'generation' | 'atMs' | 'fresh'> | { failed: CodedError }> {
  const options = { priority: 'audit' as const, stillWanted: deps.isLeader, signal: deps.signal };
  const choices = pool.spec.loadBalancers.map(({ arn, tags = {} }) => (arn === undefined ? { tags } : { arn }));
  const found = await deps.inventory.findLoadBalancers(choices, options);
  if (!found.ok) return { failed: found.error };
  const refused = found.value.found.flatMap(entry => whyNoListener(entry, pool.spec.protocol) ?? []);
  const loadBalancers = found.value.found.filter(entry => !whyNoListener(entry, pool.spec.protocol));
  const listeners = new Map<string, FoundListener[]>();
  for (const { arn } of loadBalancers) {
    const listed = await deps.inventory.listListeners(arn, options);
    if (!listed.ok) return { failed: listed.error };
    listeners.set(arn, listed.value);
  }
  return { loadBalancers, listeners, problems: [...found.value.problems, ...refused] };
}

/**
 * The load balancers as the pool's status is to have them. One that is missing from a complete listing stays for one
 * more: absence is not death.
 */
function loadBalancerStatuses(deps: PoolsDeps, pool: NLBPortPool, listing: Listing | undefined): LoadBalancerStatus[] {
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
  listing: Listing | undefined,
): PlannedLoadBalancer {
  const listed = listing?.listeners.get(arn);
  const foreignListenerPorts = listed
    ? listed.filter(listener => !isOwn(deps, pool, listener)).map(({ port }) => port)
    : known;
  const own = (listed ?? []).filter(({ port, owner }) => owner === portObjectName(arn, port));
  const ownListenerPorts = new Set(own.map(({ port }) => port));
  return { arn, foreignListenerPorts, ownListenerPorts, ownedByOthers: ownedByOthers(deps, pool, arn) };
}

function foreignPorts(deps: PoolsDeps, pool: NLBPortPool, listing: Listing, arn: string): number[] {
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
  listing: Listing | undefined,
  loadBalancers: LoadBalancerStatus[],
  planned: readonly PlannedLoadBalancer[],
  held: CodedError | undefined,
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
      for (const condition of poolConditions(deps, current, status, listing, planned, held)) {
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

type NewCondition = Omit<Condition, 'lastTransitionTime'>;

function poolConditions(
  deps: PoolsDeps,
  pool: NLBPortPool,
  status: PoolStatus,
  listing: Listing | undefined,
  planned: readonly PlannedLoadBalancer[],
  held: CodedError | undefined,
): NewCondition[] {
  const { name, generation } = pool.metadata;
  const make = (type: string, value: boolean, reason: string, message: string): NewCondition => ({
    type,
    status: value ? 'True' : 'False',
    reason,
    message,
    observedGeneration: generation,
  });
  const fromError = (type: string, error: CodedError) => make(type, false, error.reason, error.message);
  const ports = deps.ports.by('pool', name);

  if (pool.metadata.deletionTimestamp !== undefined) {
    const holders = ports.flatMap(({ spec: { claim } }) => (claim ? [`${claim.namespace}/${claim.name}`] : []));
    const who =
      holders.length > 0
        ? `held by ${holders.slice(0, 5).join(', ')}${holders.length > 5 ? ' …' : ''}`
        : 'being removed';
    return [make('Ready', false, 'Deleting', `${count(ports.length, 'port')} left, ${who}`)];
  }

  const overlaps = planned.filter(({ ownedByOthers }) => countInRange(pool, ownedByOthers) > 0);
  const problem = listing?.failed ?? held ?? listing?.problems[0];
  const conditions: NewCondition[] = [];
  if (problem) conditions.push(fromError('Ready', problem));
  else if (overlaps.length > 0) {
    const lost = overlaps.reduce((sum, { ownedByOthers }) => sum + countInRange(pool, ownedByOthers), 0);
    const arns = overlaps.map(({ arn }) => arn).join(', ');
    const message = `Cannot own ${count(lost, 'port')} of pool "${name}": another pool owns them on ${arns}; give the pools ranges that do not overlap`;
    conditions.push(fromError('Ready', codedError('PoolOverlap', message)));
  } else {
    const balancers = count(status.loadBalancers?.length ?? 0, 'load balancer');
    conditions.push(make('Ready', true, 'Ready', `${balancers}, room for ${count(capacityOf(status), 'port')}`));
  }

  const waiting = status.waiting ?? 0;
  const claims = waiting === 1 ? '1 claim waits' : `${waiting} claims wait`;
  // Without a usable load balancer the pool is not full but not ready, which the other condition says.
  const made = ports.filter(port => !port.spec.retire).length;
  const isFull = waiting > 0 && status.ports?.free === 0 && capacityOf(status) > 0 && made >= capacityOf(status);
  if (isFull) {
    const message = `Cannot serve every claim of pool "${name}": add a load balancer: ${claims}`;
    conditions.push(fromError('CapacityAvailable', codedError('PoolFull', message)));
  } else if (waiting > 0 && (capacityOf(status) === 0 || made < capacityOf(status))) {
    conditions.push(make('CapacityAvailable', false, 'SettingUp', `${claims} for a port that is not there yet`));
  } else {
    // A number that another has, a quota, or several ports on one load balancer.
    const message =
      waiting > 0 ? `${claims} for more than a free port, as their conditions say` : 'Every claim is served';
    conditions.push(make('CapacityAvailable', true, 'PortsFree', message));
  }

  const quarantineMs = parseDurationMs(pool.spec.release.quarantine);
  const short = quarantineMs < deps.options.awsAttemptMs;
  conditions.push(
    short
      ? fromError(
          'QuarantineSafe',
          codedError(
            'ShortQuarantine',
            `Cannot rule out misrouting in pool "${name}": quarantine ${pool.spec.release.quarantine}, at least ${deps.options.awsAttemptMs} ms wanted, which one AWS call may take`,
          ),
        )
      : make('QuarantineSafe', true, 'LongEnough', 'The quarantine outlasts an AWS call'),
  );
  const probe = probeConditionOf(pool, status);
  if (probe) conditions.push({ ...probe, observedGeneration: generation });
  return conditions;
}

/** Whether the pool's probe can be sent through all of its load balancers; undefined where it has and had none. */
function probeConditionOf(pool: NLBPortPool, status: PoolStatus): NewCondition | undefined {
  const type = 'ProbePossible';
  if (!pool.spec.readiness.probe) {
    if (!findCondition(status.conditions, type)) return undefined;
    return { type, status: 'True', reason: 'NoProbe', message: 'The pool has no probe' };
  }
  const [refused] = (status.loadBalancers ?? []).flatMap(entry => whyNotProbed(pool.spec, entry) ?? []);
  return refused
    ? { type, status: 'False', reason: refused.reason, message: refused.message }
    : { type, status: 'True', reason: 'Possible', message: 'The probe can be sent through every load balancer' };
}

/** Such as `1 port` or `2 ports`. */
function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? '' : 's'}`;
}

function capacityOf(status: PoolStatus): number {
  return (status.loadBalancers ?? []).reduce((sum, { capacity }) => sum + capacity, 0);
}

function countInRange(pool: NLBPortPool, numbers: ReadonlySet<number>): number {
  return [...numbers].filter(port => port >= pool.spec.ports.min && port <= pool.spec.ports.max).length;
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
