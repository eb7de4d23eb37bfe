import { parseDurationMs } from '../api/duration.ts';
import { type CodedError, codedError, type Result } from '../api/errors.ts';
import { boundAnnotation, endpointAnnotation, poolLabel } from '../api/names.ts';
import { ipFamilies, type NLBPortPool } from '../api/pool.ts';
import type { NLBPort, Target } from '../api/port.ts';
import { familiesOf, wantedFamily, whyNoIpv6 } from '../core/ip-family.ts';
import { wholePlan } from '../core/port-plan.ts';
import { committedServiceSet } from '../core/port-set.ts';
import { readyAtMs } from '../core/readiness.ts';
import { type JudgedEndpoint, keptTargets, serviceTargets } from '../core/service-targets.ts';
import {
  claimsPorts,
  type ServiceWish,
  serviceFamily,
  servicePoolName,
  servicePortWishes,
  serviceWish,
} from '../core/service-wish.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { type EndpointSlice, keyOf, type Service } from '../kube/objects.ts';
import { services as serviceResource } from '../kube/resource.ts';
import { MIN_REQUEUE_MS, type ReconcileResult, type WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Assigner } from './assign-ports.ts';
import { changeSet, type SetChange, servedAsIs } from './change-set.ts';
import { confirmHeld, exposePort, releasePorts } from './claim-port.ts';
import { findReady, plainReport, promisesMore, releasedReport, withoutCommit } from './claim-report.ts';
import { again, type Claimants, createClaimants, whenCaughtUp } from './claimants.ts';
import { claimantKey, committedNames, isHeldBy } from './claims.ts';
import { createFormerClaims } from './former-claims.ts';
import type { Observer } from './observer.ts';
import { openGates } from './open-gates.ts';
import { isLost, isSameForPorts, loadBalancerOf } from './port-context.ts';
import { holdsUnseen, seekPorts } from './seek-ports.ts';
import type { ServiceCache, SliceCache } from './service-cache.ts';
import type { EndpointReader, Endpoints } from './service-endpoints.ts';
import { type HeldPort, heldReport, type ServiceReport, serviceStatusPatch, toldNameOf } from './service-status.ts';

export interface ServicesDeps {
  client: KubeClient;
  services: ServiceCache;
  slices: SliceCache;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  endpoints: EndpointReader;
  assigner: Assigner;
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

/** The same, with the Services as they are written and read live. */
interface ServicesContext extends ServicesDeps {
  claimants: Claimants<Service, ServiceReport>;
}

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
export function serviceReconciler(given: ServicesDeps): (key: string) => Promise<ReconcileResult> {
  const claimants = serviceClaimants(given);
  const deps: ServicesContext = { ...given, claimants };
  const formerClaims = createFormerClaims(deps, claimants, 'The Service asks for no port any more');

  return async key => {
    if (!deps.isLeader()) return {};
    const cached = deps.services.get(key);
    const service = cached && isClaiming(cached) ? cached : undefined;
    const claimed = deps.ports.by('claimant', claimantKey('Service', key));
    const mine = claimed.filter(port => isHeldBy(port, service?.metadata.uid));
    const behind = await formerClaims.settle(key, claimed, service?.metadata.uid);
    if (behind) return behind;
    if (!service) {
      deps.assigner.drop('Service', key);
      claimants.forget(key);
      deps.slices.forget(key);
      deps.endpoints.forget(key);
      // A load balancer of ours that asked in vain and became something else is told that nobody works on it.
      const isTold = cached && findReady(cached) && findReady(cached)?.reason !== 'Released';
      return isTold ? claimants.report(cached, releasedReport('The Service asks for no port')) : {};
    }
    if (service.metadata.labels?.[poolLabel] === undefined) deps.slices.follow(service, deps.signal);
    else deps.slices.forget(key);
    return mine.length > 0 ? serve(deps, service, mine) : seek(deps, service, []);
  };
}

/** The Services that claim ports: by the label, or as load balancers of our class. */
function serviceClaimants(deps: ServicesDeps): Claimants<Service, ServiceReport> {
  return createClaimants<Service, ServiceReport>(deps, {
    resource: serviceResource,
    remember: service => deps.services.put(service),
    asks: isClaiming,
    mayReturn: isClaiming,
    wish: service => [service.metadata.labels?.[poolLabel], isClaiming(service)],
    patch: serviceStatusPatch,
  });
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
    if (object && previous && isSameForPorts(object, previous)) return;
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

/** A Service that holds no ports, or not all of them: tells it why, or binds what it was assigned. */
async function seek(deps: ServicesContext, service: Service, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  if (await holdsUnseen(deps, service, mine)) return again;
  const named = servicePoolName(service, deps.pools.list());
  const poolName = named.ok ? named.value : '';
  const wish = named.ok ? serviceWish(service, poolName, deps.pools.get(poolName)) : named;
  const found = await seekPorts(deps, deps.claimants, service, mine, poolName, wish);
  return Array.isArray(found) ? serve(deps, service, found) : found;
}

/** A Service that holds ports: a whole set of them is committed, exposed, followed and published, others are given back. */
async function serve(deps: ServicesContext, service: Service, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const names = committedNames(service);
  // Without a label it stays in the pool where it was served, whichever is the default now.
  const served = mine.find(port => names.includes(keyOf(port)));
  const poolName =
    service.metadata.labels?.[poolLabel] ?? served?.spec.pool ?? askedPool(service, deps.pools) ?? mine[0]!.spec.pool;
  const leaving = mine.filter(port => port.spec.pool !== poolName || isLost(port, deps.pools.get(port.spec.pool)));
  if (leaving.length > 0) return leave(deps, service, mine, leaving);
  const wish = serviceWish(service, poolName, deps.pools.get(poolName));
  const wished = wish.ok ? wish.value.ports.map(({ name }) => name) : undefined;
  const committed = committedServiceSet(mine, names, wished);
  if (!committed) return settle(deps, service, mine, wish);
  const spare = mine.filter(port => !committed.includes(port));
  if (spare.length > 0) {
    // Only the live Service's word decides which are the ones: an older commit may stand in the cache.
    const live = await deps.claimants.live(service);
    if (live === 'stale cache' || !live || committedNames(live).join() !== names.join()) return whenCaughtUp;
    if (!(await releasePorts(deps, spare, asksNoMore))) return again;
  }
  const wishes = wish.ok ? wish.value.ports : servicePortWishes(service);
  if (!wish.ok) return follow(deps, service, committed, { serves: servedAsIs(service, committed, wishes) }, wish.error);
  const change = await changeSet(deps, service, committed, wishes);
  if (change.kind === 'again') return again;
  if (change.kind === 'commit') return commit(deps, service, change.ports);
  return follow(deps, service, committed, change, change.lacks);
}

/**
 * Gives back ports that the Service can't have or wants no more; what it was told of them is withdrawn before. One that an
 * edit added, and that it was never told of, takes nothing with it but what was added beside it.
 */
async function leave(
  deps: ServicesContext,
  service: Service,
  mine: readonly NLBPort[],
  leaving: readonly NLBPort[],
): Promise<ReconcileResult> {
  const live = await deps.claimants.live(service);
  if (live === 'stale cache') return whenCaughtUp;
  const names = live ? committedNames(live) : [];
  if (live && leaving.some(port => names.includes(keyOf(port)))) {
    const committed = names.flatMap(name => mine.find(port => keyOf(port) === name) ?? []);
    const toldName = toldNameOf(live);
    const told = committed.filter(port => toldName(port) !== undefined);
    const isUnharmed = committed.length === names.length && !told.some(port => leaving.includes(port));
    return told.length > 0 && isUnharmed ? commit(deps, live, told) : withdraw(deps, live);
  }
  await releasePorts(deps, leaving, asksNoMore);
  return again;
}

/** A Service that holds ports without a commit that stands for them: they are committed where they are all there. */
async function settle(
  deps: ServicesContext,
  service: Service,
  mine: readonly NLBPort[],
  wish: Result<ServiceWish>,
): Promise<ReconcileResult> {
  // The live ports decide; the cache shows them by then.
  if (await holdsUnseen(deps, service, mine)) return again;
  const plan = wish.ok ? wholePlan(mine, wish.value.ports, toldNameOf(service)) : undefined;
  if (plan) {
    return commit(
      deps,
      service,
      plan.kept.map(({ port }) => port),
    );
  }
  const committed = committedNames(service);
  const isLost = committed.some(name => !mine.some(port => port.metadata.name === name));
  const exposed = mine.filter(({ spec }) => spec.claim?.exposed);
  // What is asked for can not be read: what is held whole, or still told, stays and is said again.
  const isTold = service.metadata.annotations?.[endpointAnnotation] !== undefined;
  const isWhole = (wholePlan(mine, servicePortWishes(service), toldNameOf(service))?.kept.length ?? 0) > 0;
  if (!wish.ok && exposed.length > 0 && !isLost && (isTold || isWhole)) return commit(deps, service, mine);
  // A set of which one is lost is published no longer; what is left of it is kept where the rest fits beside it.
  return committed.length > 0 ? withdraw(deps, service) : seek(deps, service, mine);
}

/** Takes back what was published, and the commit: a port of the set is lost, or given up. */
async function withdraw(deps: ServicesContext, service: Service): Promise<ReconcileResult> {
  const report = withoutCommit(plainReport('Released', 'A port was lost or given up: another one is sought'));
  return (await deps.claimants.write(service, report)) === 'gone' ? {} : again;
}

/** Keeps the targets of a committed set true, and tells the Service how it stands. */
async function follow(
  deps: ServicesContext,
  service: Service,
  committed: readonly NLBPort[],
  { serves, lacks }: Omit<Extract<SetChange, { kind: 'stays' }>, 'kind'>,
  error: CodedError | undefined,
): Promise<ReconcileResult> {
  const slices = deps.slices.of(service);
  if (!slices) return whenCaughtUp;
  const pool = deps.pools.get(committed[0]!.spec.pool);
  const families = pool ? familiesOf(pool, loadBalancerOf(committed[0]!, pool)) : ipFamilies;
  const family = serviceFamily(service, families, committed.map(wantedFamily).find(Boolean));
  const asked = servicePortWishes(service);
  // A port whose number is asked for no more serves under its last name until the other number is there.
  const toldName = toldNameOf(service);
  const nameOf = (port: NLBPort) => toldName(port) ?? port.spec.claim?.portName;
  const wishOf = (port: NLBPort) =>
    serves.find(each => each.port === port)?.wish ?? asked.find(({ name }) => name === nameOf(port));
  const targetsOf = (port: NLBPort, judged: readonly JudgedEndpoint[]): Target[] => {
    const wish = wishOf(port);
    return wish ? serviceTargets(wish, judged, port.spec.targets) : keptTargets(judged, port.spec.targets ?? []);
  };
  const read = (some: readonly EndpointSlice[]): Promise<Endpoints> =>
    deps.endpoints.read(service, pool, family ? some : [], family ?? 'IPv4');
  let found = await read(slices);
  const isEmptied = committed.some(
    port => (port.spec.targets ?? []).length > 0 && targetsOf(port, found.judged).length === 0,
  );
  // The cache may lack a slice that is there: who took its label off does not end a game.
  if (isEmptied) found = await read(await deps.endpoints.liveSlices(service));
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
  const problem = error ?? (pool && !family ? otherFamily(pool) : undefined) ?? (isBare ? refused : undefined);
  if (refused && problem !== refused) deps.claimants.noteOnce(service, refused.reason, refused.message);
  const nowMs = deps.clock.nowMs();
  const told = heldReport(service, held, nowMs);
  const report = problem
    ? { ...told, status: 'False' as const, reason: problem.reason, message: problem.message, warning: true }
    : told;
  if (promisesMore(report, service)) {
    for (const { port } of held.filter(({ port }) => committed.includes(port))) {
      if (!(await confirmHeld(deps, service.metadata.uid ?? '', port))) return again;
    }
  }
  const outcome = await deps.claimants.report(service, report);
  const ports = held.map(({ port }) => port);
  const settleMs = pool ? parseDurationMs(pool.spec.readiness.settle) : 0;
  const gates = await openGates(deps, found.gated, ports, settleMs);
  if (gates.refused) deps.claimants.noteOnce(service, gates.refused.reason, gates.refused.message);
  if (outcome.requeueAfterMs !== undefined) return outcome;
  const lookAgainMs = Math.min(
    found.lookAgainMs ?? Number.POSITIVE_INFINITY,
    lacks ? addLookMs : Number.POSITIVE_INFINITY,
    ...[gates.nextMs, ...ports.flatMap(port => readyAtMs(port, nowMs) ?? [])].map(atMs => atMs - nowMs),
  );
  return Number.isFinite(lookAgainMs) ? { requeueAfterMs: Math.max(MIN_REQUEUE_MS, lookAgainMs) } : {};
}

function otherFamily(pool: NLBPortPool): CodedError {
  const cannot = `Cannot send to the Service from its load balancer in pool "${pool.metadata.name}"`;
  return codedError('AddressFamily', `${cannot}: its ipFamilies are IPv6 alone, and ${whyNoIpv6(pool)}`);
}

/** The first address that may never be a target, as an error; not those of pods that are merely gone before their slice. */
function refusedEndpoint(judged: readonly JudgedEndpoint[]): CodedError | undefined {
  const [first] = judged.filter(
    ({ refused, handMade }) => refused && (handMade || !/ is gone| has ended/.test(refused)),
  );
  return first && codedError('AddressRefused', `Cannot make ${first.ip} a target: ${first.refused}`);
}

/** Writes on the Service which ports it accepts: the second half of the bind, which forbids two sets per wish. */
async function commit(deps: ServicesContext, service: Service, chosen: readonly NLBPort[]): Promise<ReconcileResult> {
  // A commit that the cache does not show as ours may be: then it stands.
  const mine = deps.ports
    .by('claimant', claimantKey('Service', keyOf(service)))
    .filter(port => isHeldBy(port, service.metadata.uid));
  if (await holdsUnseen(deps, service, mine)) return again;
  const names = chosen.map(keyOf).join(',');
  const before = committedNames(service).length > 0 ? findReady(service) : undefined;
  const first = plainReport('Bound', `Bound: ${names.replaceAll(',', ', ')}`);
  // What was published serves until the ports of the new set are exposed.
  const { status, reason = first.reason, message = first.message } = before ?? first;
  const told: ServiceReport = {
    status: status === 'True' ? 'True' : 'False',
    reason,
    message,
    warning: false,
    annotations: { ...(before ? {} : first.annotations), [boundAnnotation]: names },
  };
  return (await deps.claimants.write(service, told)) === 'gone' ? {} : again;
}

/** Whether the Service asks for ports now: one that is being deleted asks no more, whatever finalizer holds it. */
function isClaiming(service: Service): boolean {
  return service.metadata.deletionTimestamp === undefined && claimsPorts(service);
}
