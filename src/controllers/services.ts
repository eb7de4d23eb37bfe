import { findCondition } from '../api/conditions.ts';
import { parseDurationMs } from '../api/duration.ts';
import { type CodedError, codedError, type Result } from '../api/errors.ts';
import { boundAnnotation, poolLabel, readyCondition } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort, Target } from '../api/port.ts';
import { freePorts, isConflict as isConflictPort } from '../core/allocate.ts';
import { allocateWishes, planPorts } from '../core/port-plan.ts';
import { committedSet } from '../core/port-set.ts';
import { heldByNamespace, quotaError } from '../core/quota.ts';
import { readyAtMs } from '../core/readiness.ts';
import { type JudgedEndpoint, serviceTargets } from '../core/service-targets.ts';
import {
  claimsPorts,
  type ServicePortWish,
  type ServiceWish,
  servicePoolName,
  servicePortWishes,
  serviceWish,
} from '../core/service-wish.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isInvalid, isNotFound, isOutcomeUnknown } from '../kube/kube-error.ts';
import { keyOf, parseKey, type Service } from '../kube/objects.ts';
import { services as serviceResource } from '../kube/resource.ts';
import { MIN_REQUEUE_MS, type ReconcileResult, type WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Assigner } from './assign-ports.ts';
import { bindPort, type Claimant, exposePort, holdsAnyOf, markGone, releasePorts } from './claim-port.ts';
import { claimantKey, committedNames, isHeldBy, isUnsettled } from './claims.ts';
import type { Observer } from './observer.ts';
import { openGates } from './open-gates.ts';
import { isForeign } from './port-context.ts';
import type { ServiceCache, SliceCache } from './service-cache.ts';
import type { EndpointReader, Endpoints } from './service-endpoints.ts';
import {
  type HeldPort,
  heldReport,
  plainServiceReport,
  refusal,
  releasedServiceReport,
  type ServiceReport,
  serviceStatusPatch,
} from './service-status.ts';

export interface ServicesDeps {
  client: KubeClient;
  services: ServiceCache;
  slices: SliceCache;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  endpoints: EndpointReader;
  assigner: Assigner;
  /** What was said of each Service beside its condition, by its key, so that it is said once. */
  noted: Map<string, string>;
  /** Asks for a pass over the waiting claims of a pool, soon. */
  requestPass: (poolName: string) => void;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  observer: Observer;
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading. */
  signal: AbortSignal;
}

/** Comes back at once, with what the cache holds by then. */
const again: ReconcileResult = { requeueAfterMs: MIN_REQUEUE_MS };

/** Comes back when the watch may have caught up with what a live read showed. */
const caughtUpMs = 200;
const whenCaughtUp: ReconcileResult = { requeueAfterMs: caughtUpMs };
const longestLagMs = 300_000;

/** How often a Service looks for a free port to add to those that it holds: the queue of those that hold none goes first. */
const addLookMs = 5_000;

/** What a Service gives up it asks for no more, by a live read: the pool's retention counts from then. */
const asksNoMore = () => true;

/**
 * Gives one Service its ports, keeps their targets those of its EndpointSlices, and takes the ports back: bind, commit,
 * expose, publish, follow, release.
 *
 * Trigger: the Service, its EndpointSlices, an NLBPort that it holds or held, its pool, an assignment; time where a
 * slice does not tell everything. Reads: Services, EndpointSlices, NLBPorts, pools; live pods that prove their addresses;
 * the live Service before anything is released. Writes: `spec.claim` and `spec.targets` of NLBPorts, the Service's
 * annotations, condition and load balancer status through services/status, the gate of pods behind it through pods/status;
 * never AWS. Requeue: at once after a lost race.
 * Failure: the queue backs off; nothing is held that the next turn would not find.
 */
export function serviceReconciler(deps: ServicesDeps): (key: string) => Promise<ReconcileResult> {
  /** How often in a row a live Service that holds a port was missing from the cache. */
  const missed = new Map<string, number>();

  return async key => {
    if (!deps.isLeader()) return {};
    const cached = deps.services.get(key);
    const service = cached && isClaiming(cached) ? cached : undefined;
    const claimed = deps.ports.by('claimant', claimantKey('Service', key));
    const mine = claimed.filter(port => isHeldBy(port, service?.metadata.uid));
    const others = claimed.filter(port => isUnsettled(port) && port.spec.claim?.uid !== service?.metadata.uid);
    if (others.length > 0 && (await releaseUnlessAlive(deps, key, others)) === 'stale cache') {
      const times = missed.get(key) ?? 0;
      missed.set(key, times + 1);
      return { requeueAfterMs: Math.min(longestLagMs, caughtUpMs * 2 ** times) };
    }
    missed.delete(key);
    if (!service) {
      deps.assigner.drop('Service', key);
      deps.noted.delete(key);
      deps.slices.forget(key);
      deps.endpoints.forget(key);
      // A load balancer of ours that asked in vain and became something else is told that nobody works on it.
      const isTold = cached && findReady(cached) && findReady(cached)?.reason !== 'Released';
      return isTold ? report(deps, cached, releasedServiceReport('The Service asks for no port')) : {};
    }
    if (service.metadata.labels?.[poolLabel] === undefined) deps.slices.follow(service, deps.signal);
    else deps.slices.forget(key);
    return mine.length > 0 ? serve(deps, service, mine) : seek(deps, service);
  };
}

/** Adds to the queue every Service that a change of a Service, its slices, an NLBPort or a pool concerns. */
export function watchForServices(
  deps: Pick<ServicesDeps, 'services' | 'slices' | 'ports' | 'pools' | 'requestPass'>,
  queue: WorkQueue,
): void {
  deps.services.onChange(({ key, object, previous }) => {
    if (![object, previous].some(service => service && (claimsPorts(service) || findReady(service)))) return;
    queue.add(key);
    if (object && previous && JSON.stringify(wishFields(object)) === JSON.stringify(wishFields(previous))) return;
    // What it waits for may be another now, and those behind it may be told so.
    for (const service of [object, previous]) {
      const poolName = service && askedPool(service, deps.pools);
      if (poolName) deps.requestPass(poolName);
    }
  });
  deps.slices.onChange(key => queue.add(key));
  deps.ports.onChange(({ object, previous }) => {
    for (const claim of new Set([object?.spec.claim, previous?.spec.claim])) {
      if (claim?.kind === 'Service') queue.add(`${claim.namespace}/${claim.name}`);
    }
  });
  deps.pools.onChange(({ object, previous }) => {
    if (object?.metadata.generation === previous?.metadata.generation && object && previous) return;
    // Which pool is the default may have changed for all of them.
    for (const service of deps.services.list()) if (claimsPorts(service)) queue.add(keyOf(service));
  });
}

/** What of a Service decides which ports it asks for. */
function wishFields({ metadata, spec }: Service): unknown {
  return [metadata.uid, metadata.labels?.[poolLabel], spec];
}

/** The name of the pool that a waiting Service asks; undefined where it asks none. */
export function askedPool(service: Service, pools: Pick<Informer<NLBPortPool>, 'list'>): string | undefined {
  if (!claimsPorts(service)) return undefined;
  const name = servicePoolName(service, pools.list());
  return name.ok ? name.value : undefined;
}

/** A Service that holds no port: tells it why, or binds what it was assigned. */
async function seek(deps: ServicesDeps, service: Service): Promise<ReconcileResult> {
  const key = keyOf(service);
  const { uid = '' } = service.metadata;
  if (await holdsAnyOf(deps, uid, committedNames(service))) return again;
  const refuse = (poolName: string, error: CodedError) => {
    deps.assigner.drop('Service', key);
    if (findReady(service)?.reason !== error.reason) deps.observer.allocation(poolName, 'refused', error.reason);
    return report(deps, service, refusal(error));
  };
  const named = servicePoolName(service, deps.pools.list());
  if (!named.ok) return refuse('', named.error);
  const poolName = named.value;
  const wish = serviceWish(service, poolName, deps.pools.get(poolName));
  if (!wish.ok) return refuse(poolName, wish.error);
  const assignment = deps.assigner.get('Service', key, uid);
  if (!assignment) {
    deps.requestPass(poolName);
    return {};
  }
  if (assignment.kind === 'settingUp') {
    return report(deps, service, plainServiceReport('WaitingForPool', 'The pool is being set up'));
  }
  if (assignment.kind === 'waits') {
    if (findReady(service)?.reason !== assignment.error.reason) {
      deps.observer.allocation(poolName, 'waiting', assignment.error.reason);
    }
    return report(deps, service, refusal(assignment.error));
  }
  const wanted = assignment.names.flatMap((name, at) => {
    const each = wish.value.ports[at];
    return each ? [{ name, wish: each }] : [];
  });
  // The wish may be another than the one that was served.
  const fits = ({ name, wish: { number } }: (typeof wanted)[number]) =>
    number === undefined || deps.ports.get(name)?.spec.port === number;
  const isWhole = wanted.length === wish.value.ports.length && wanted.every(fits);
  const bound = isWhole ? await bindAll(deps, service, wanted) : undefined;
  deps.assigner.drop('Service', key);
  if (!bound) {
    deps.requestPass(poolName);
    return {};
  }
  deps.observer.allocation(poolName, 'bound', 'Bound');
  return serve(deps, service, bound);
}

/** A Service that holds ports: a whole set of them is committed, exposed, followed and published, others are given back. */
async function serve(deps: ServicesDeps, service: Service, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const poolName = service.metadata.labels?.[poolLabel] ?? mine[0]!.spec.pool;
  if (mine.some(port => port.spec.pool !== poolName || isLost(deps, port))) return giveUp(deps, service, mine);
  const names = committedNames(service);
  const wish = serviceWish(service, poolName, deps.pools.get(poolName));
  const wished = wish.ok ? wish.value.ports.map(({ name }) => name) : undefined;
  const committed = committedSet(mine, names, wished);
  if (!committed) return settle(deps, service, mine, wish);
  const spare = mine.filter(port => !committed.includes(port));
  if (spare.length > 0) {
    // Only the live Service's word decides which are the ones: an older commit may stand in the cache.
    const live = await liveOf(deps, service);
    if (live === 'stale cache' || !live || committedNames(live).join() !== names.join()) return whenCaughtUp;
    if (!(await releasePorts(deps, spare, asksNoMore))) return again;
  }
  const wishes = wish.ok ? wish.value.ports : servicePortWishes(service);
  const plan = planPorts(committed, wishes);
  let waits: CodedError | undefined = wish.ok ? undefined : wish.error;
  const overQuota = wish.ok ? quotaOf(deps, service, committed[0]!.spec.pool, plan.missing.length) : undefined;
  if (overQuota) waits = overQuota;
  else if (wish.ok && plan.missing.length + plan.dropped.length > 0) {
    const changed = await change(deps, service, plan.kept, plan.missing, wishes);
    if (changed !== 'waits') return changed;
    waits = codedError(
      'PortTaken',
      `Cannot give ${plan.missing.map(({ name }) => `"${name}"`).join(', ')} to the Service beside what it holds: no such port is free on its load balancer`,
    );
  }
  return follow(deps, service, committed, plan.kept, waits);
}

/** Why the namespace can't have so many ports more, where the pool limits it. */
function quotaOf(deps: ServicesDeps, service: Service, poolName: string, more: number): CodedError | undefined {
  const pool = deps.pools.get(poolName);
  const { namespace = '' } = service.metadata;
  if (!pool || more === 0) return undefined;
  return quotaError(pool, namespace, heldByNamespace(deps.ports.by('pool', poolName)).get(namespace) ?? 0, more);
}

/** A Service that holds ports without a commit that stands for them: they are committed where they are all there. */
async function settle(
  deps: ServicesDeps,
  service: Service,
  mine: readonly NLBPort[],
  wish: Result<ServiceWish>,
): Promise<ReconcileResult> {
  const lost = committedNames(service).filter(name => !mine.some(port => port.metadata.name === name));
  // The live ports decide; the cache shows them by then.
  if (await holdsAnyOf(deps, service.metadata.uid, lost)) return again;
  const plan = wish.ok ? planPorts(mine, wish.value.ports) : undefined;
  if (plan && plan.missing.length === 0) {
    return commit(
      deps,
      service,
      plan.kept.map(({ port }) => port),
    );
  }
  const isExposed = mine.some(({ spec }) => spec.claim?.exposed);
  // What is asked for can not be read: what is held stays, and is said again.
  if (!wish.ok && isExposed && lost.length === 0) return commit(deps, service, mine);
  if (isExposed) return giveUp(deps, service, mine);
  // Part of a set, bound before a crash: nobody has seen it.
  return (await releasePorts(deps, mine, asksNoMore)) ? again : whenCaughtUp;
}

/** Binds what an edited wish lacks, on the same load balancer, and commits the new set: the old one serves until then. */
async function change(
  deps: ServicesDeps,
  service: Service,
  kept: readonly { port: NLBPort; wish: ServicePortWish }[],
  missing: readonly ServicePortWish[],
  wishes: readonly ServicePortWish[],
): Promise<ReconcileResult | 'waits'> {
  let added: NLBPort[] = [];
  if (missing.length > 0) {
    const poolName = kept[0]?.port.spec.pool ?? service.metadata.labels?.[poolLabel];
    const named = poolName ?? askedPool(service, deps.pools) ?? '';
    const pool = deps.pools.get(named);
    if (!pool) return 'waits';
    const arns = kept[0]
      ? [kept[0].port.spec.loadBalancer.arn]
      : (pool.status?.loadBalancers ?? []).map(({ arn }) => arn);
    const free = freePorts(arns, deps.ports.by('pool', named), port => isForeign(port, pool));
    const chosen = allocateWishes(free, missing, [], new Set(pool.spec.reservedPorts));
    if (!chosen) return 'waits';
    const bound = await bindAll(
      deps,
      service,
      chosen.ports.map((port, at) => ({ name: port.metadata.name, wish: missing[at]! })),
    );
    if (!bound) return again;
    added = bound;
  }
  const portOf = (wish: ServicePortWish) =>
    kept.find(each => each.wish === wish)?.port ?? added[missing.indexOf(wish)] ?? [];
  return commit(deps, service, wishes.flatMap(portOf));
}

/** Keeps the targets of a committed set true, and tells the Service how it stands. */
async function follow(
  deps: ServicesDeps,
  service: Service,
  committed: readonly NLBPort[],
  kept: readonly { port: NLBPort; wish: ServicePortWish }[],
  error: CodedError | undefined,
): Promise<ReconcileResult> {
  const slices = deps.slices.of(service);
  if (!slices) return whenCaughtUp;
  const pool = deps.pools.get(committed[0]!.spec.pool);
  const asked = servicePortWishes(service);
  // A port whose number is asked for no more serves under its name until the other number is there.
  const wishOf = (port: NLBPort) =>
    kept.find(each => each.port === port)?.wish ?? asked.find(({ name }) => name === port.spec.claim?.portName);
  const targetsOf = (port: NLBPort, judged: readonly JudgedEndpoint[]): Target[] => {
    const wish = wishOf(port);
    return wish ? serviceTargets(wish, judged) : [];
  };
  let found: Endpoints = await deps.endpoints.read(service, pool, slices);
  const isEmptied = committed.some(
    port => (port.spec.targets ?? []).length > 0 && wishOf(port) && targetsOf(port, found.judged).length === 0,
  );
  // The cache may lack a slice that is there: who took its label off does not end a game.
  if (isEmptied) found = await deps.endpoints.read(service, pool, await deps.endpoints.liveSlices(service));
  const held: HeldPort[] = [];
  for (const port of committed) {
    const wanted = targetsOf(port, found.judged);
    const exposed = await exposePort(deps, service.metadata.uid ?? '', port, wanted);
    if (!exposed) return again;
    if (exposed !== port && wanted.length > 0) deps.observer.targetKnown(port.spec.pool, port.metadata.name);
    held.push({ port: exposed, wish: wishOf(port) });
  }
  const refused = refusedEndpoint(found.judged);
  const isBare = held.every(({ port }) => (port.spec.targets ?? []).length === 0);
  const problem = error ?? (isBare ? refused : undefined);
  if (refused && problem !== refused) noteOnce(deps, service, refused.reason, refused.message);
  const nowMs = deps.clock.nowMs();
  const told = heldReport(service, held, nowMs);
  const settledMs = held.flatMap(({ port }) => readyAtMs(port, nowMs) ?? []).map(atMs => atMs - nowMs);
  const settleMs = pool ? parseDurationMs(pool.spec.readiness.settle) : 0;
  const gatesMs = await openGates(
    deps,
    found.gated,
    held.map(({ port }) => port),
    settleMs,
  );
  const isLacking = error !== undefined && kept.length < servicePortWishes(service).length;
  if (isLacking) settledMs.push(addLookMs);
  const lookAgainMs = Math.max(
    MIN_REQUEUE_MS,
    Math.min(found.lookAgainMs ?? Number.POSITIVE_INFINITY, gatesMs - nowMs, ...settledMs),
  );
  const outcome = await report(
    deps,
    service,
    problem ? { ...told, status: 'False', reason: problem.reason, message: problem.message, warning: true } : told,
  );
  return outcome.requeueAfterMs === undefined && Number.isFinite(lookAgainMs)
    ? { requeueAfterMs: lookAgainMs }
    : outcome;
}

/** The first address that may never be a target, as an error; not those of pods that are merely gone before their slice. */
function refusedEndpoint(judged: readonly JudgedEndpoint[]): CodedError | undefined {
  const [first] = judged.filter(
    ({ refused, handMade }) => refused && (handMade || !/ is gone| has ended/.test(refused)),
  );
  return first && codedError('AddressRefused', `Cannot make ${first.ip} a target: ${first.refused}`);
}

/** Binds ports by compare-and-swap, in the order of their names. Undefined: not all could be had, and none is held. */
async function bindAll(
  deps: ServicesDeps,
  service: Service,
  wanted: readonly { name: string; wish: ServicePortWish }[],
): Promise<NLBPort[] | undefined> {
  const bound = new Map<string, NLBPort>();
  for (const { name, wish } of wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const port = await bindPort(deps, claimantOf(service), wish.name, name);
    if (!port) {
      await releasePorts(deps, [...bound.values()], asksNoMore);
      return undefined;
    }
    bound.set(name, port);
    const { pool, loadBalancer } = port.spec;
    deps.log.info({ service: keyOf(service), port: name, pool, loadBalancer: loadBalancer.arn }, 'Port bound');
  }
  return wanted.flatMap(({ name }) => bound.get(name) ?? []);
}

/** Writes on the Service which ports it accepts: the second half of the bind, which forbids two sets per wish. */
async function commit(deps: ServicesDeps, service: Service, chosen: readonly NLBPort[]): Promise<ReconcileResult> {
  const held = committedNames(service);
  const names = chosen.map(port => port.metadata.name);
  // A commit that the cache does not show as ours may be: then it stands.
  const unknown = held.filter(name => !isHeldBy(deps.ports.get(name) ?? chosen[0]!, service.metadata.uid));
  if (await holdsAnyOf(deps, service.metadata.uid, unknown)) return again;
  const annotations = { [boundAnnotation]: names.join(',') };
  const before = findReady(service);
  const isFirst = held.length === 0 || before === undefined;
  const told: ServiceReport = isFirst
    ? { ...plainServiceReport('Bound', `Bound: ${names.join(', ')}`), annotations }
    : {
        status: before.status === 'True' ? 'True' : 'False',
        reason: before.reason,
        message: before.message,
        warning: false,
        annotations,
      };
  const outcome = await writeReport(deps, service, told);
  if (outcome === 'gone') return {};
  return again;
}

/** Gives all ports up, since one was lost or the Service asks another pool. */
async function giveUp(deps: ServicesDeps, service: Service, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const live = await liveOf(deps, service);
  if (live === 'stale cache') return whenCaughtUp;
  if (live) {
    const told = releasedServiceReport('Its ports were given up; it is given others');
    if ((await writeReport(deps, live, told)) === 'conflict') return again;
  }
  await releasePorts(deps, mine, asksNoMore);
  return again;
}

/** Releases ports of Services that are gone or ask no more, by a live GET: that the cache lacks one proves nothing. */
async function releaseUnlessAlive(
  deps: ServicesDeps,
  key: string,
  ports: readonly NLBPort[],
): Promise<'done' | 'stale cache'> {
  const live = await getService(deps, key);
  const isLive = (port: NLBPort) => live !== undefined && live.metadata.uid === port.spec.claim?.uid;
  const held = ports.filter(port => isHeldBy(port, port.spec.claim?.uid));
  const leaving = ports.filter(port => !(live && isClaiming(live) && isLive(port)));
  if (live && leaving.some(port => isLive(port) && held.includes(port))) {
    const told = releasedServiceReport('The Service asks for no port any more');
    if ((await writeReport(deps, live, told)) === 'conflict') return 'stale cache';
  }
  const given = leaving.filter(port => held.includes(port));
  const isDone = await releasePorts(deps, given, asksNoMore);
  for (const port of leaving) if (!held.includes(port)) await markGone(deps, port);
  return isDone && leaving.length === ports.length ? 'done' : 'stale cache';
}

/** Whether the Service asks for ports now: one that is being deleted asks no more, whatever finalizer holds it. */
function isClaiming(service: Service): boolean {
  return service.metadata.deletionTimestamp === undefined && claimsPorts(service);
}

/** Whether someone else's listener or target group was found in the port's place before ours was there. */
function isLost(deps: ServicesDeps, port: NLBPort): boolean {
  const pool = deps.pools.get(port.spec.pool);
  return (
    port.status?.listenerArn === undefined && (isConflictPort(port) || (pool !== undefined && isForeign(port, pool)))
  );
}

/** The live Service of this uid; undefined where it is gone; `stale cache` where it asks otherwise than the cached one. */
async function liveOf(deps: ServicesDeps, service: Service): Promise<Service | undefined | 'stale cache'> {
  const live = await getService(deps, keyOf(service));
  if (!live || live.metadata.uid !== service.metadata.uid) return undefined;
  deps.services.put(live);
  const asked = (other: Service) => JSON.stringify([other.metadata.labels?.[poolLabel], isClaiming(other)]);
  return asked(live) === asked(service) ? live : 'stale cache';
}

async function getService(deps: ServicesDeps, key: string): Promise<Service | undefined> {
  try {
    return await deps.client.get(serviceResource, parseKey(key));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function report(deps: ServicesDeps, service: Service, wanted: ServiceReport): Promise<ReconcileResult> {
  return (await writeReport(deps, service, wanted)) === 'conflict' ? again : {};
}

/** Writes what the Service is told, and an Event where its reason changed. */
async function writeReport(
  deps: ServicesDeps,
  service: Service,
  wanted: ServiceReport,
): Promise<'written' | 'gone' | 'conflict'> {
  const body = serviceStatusPatch(service, wanted, deps.clock.nowMs());
  if (!body) return 'written';
  const { namespace = '', name, uid } = service.metadata;
  const patch = { type: 'strategic' as const, body };
  try {
    deps.services.put(await deps.client.patch(serviceResource, { namespace, name }, patch, { subresource: 'status' }));
  } catch (error) {
    if (isNotFound(error)) return 'gone';
    if (!isConflict(error) && !isInvalid(error) && !isOutcomeUnknown(error)) throw error;
    const live = await getService(deps, keyOf(service));
    if (live) deps.services.put(live);
    return live?.metadata.uid === uid ? 'conflict' : 'gone';
  }
  if (findReady(service)?.reason !== wanted.reason) {
    record(deps, service, wanted.warning ? 'Warning' : 'Normal', wanted.reason, wanted.message);
  }
  return 'written';
}

function noteOnce(deps: ServicesDeps, service: Service, reason: string, note: string): void {
  const said = `${service.metadata.uid} ${note}`;
  if (deps.noted.get(keyOf(service)) === said) return;
  deps.noted.set(keyOf(service), said);
  record(deps, service, 'Warning', reason, note);
}

function record(
  { events }: ServicesDeps,
  object: Service,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  events.record({ resource: serviceResource, object, type, reason, action: 'GivePort', message });
}

function findReady(service: Service) {
  return findCondition(service.status?.conditions, readyCondition);
}

function claimantOf({ metadata: { namespace = '', name, uid = '' } }: Service): Claimant {
  return { kind: 'Service', namespace, name, uid };
}
