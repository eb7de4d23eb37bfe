import type { ClaimWish, PortWish } from '../api/claim.ts';
import { type CodedError, codedError, type Result } from '../api/errors.ts';
import { boundAnnotation, poolLabel, portsAnnotation, staticPortAnnotation } from '../api/names.ts';
import { ipFamilies, type NLBPortPool, releasesOn } from '../api/pool.ts';
import type { NLBPort, Target } from '../api/port.ts';
import { chooseAddress, familiesOf, whyNoIpv6 } from '../core/ip-family.ts';
import { podWish } from '../core/pod-wish.ts';
import { committedSet, findSet } from '../core/port-set.ts';
import { readyAtMs } from '../core/readiness.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { keyOf, type Pod } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import { type ReconcileResult, requeueAt, type WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Assigner } from './assign-ports.ts';
import { confirmHeld, exposePort, releasePorts } from './claim-port.ts';
import {
  type ClaimReport,
  errorReport,
  findReady,
  plainReport,
  promisesMore,
  releasedReport,
  reportPatch,
  withoutCommit,
} from './claim-report.ts';
import { again, type Claimants, createClaimants, whenCaughtUp } from './claimants.ts';
import { addressesOf, claimantKey, committedNames, hasEnded, isHeldBy } from './claims.ts';
import { createFormerClaims } from './former-claims.ts';
import type { Observer } from './observer.ts';
import { boundReport } from './pod-status.ts';
import { isLost, isSameForPorts, loadBalancerOf } from './port-context.ts';
import { openSchedulingGate } from './scheduling-gate.ts';
import { giveUp, holdsUnseen, seekPorts } from './seek-ports.ts';

export interface PodsDeps {
  client: KubeClient;
  pods: Informer<Pod>;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  assigner: Assigner;
  /** Asks for a pass over the waiting claims of a pool, soon. */
  requestPass: (poolName: string) => void;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  observer: Observer;
  isLeader: () => boolean;
}

/** Roles may be given at any time; nobody tells of it. */
const gateRetryMs = 60_000;

/** The same, with the pods as they are written and read live. */
interface PodsContext extends PodsDeps {
  claimants: Claimants<Pod, ClaimReport>;
}

/**
 * Gives one labelled pod its ports and takes them back: bind, commit, expose, publish, release.
 *
 * Trigger: the pod, an NLBPort that it holds or held, its pool, an assignment. Reads: pods, NLBPorts, pools; the live pod
 * before anything is released. Writes: `spec.claim` and `spec.targets` of NLBPorts, the pod's annotations and condition
 * through pods/status; never AWS. Requeue: at once after a lost race; when a port becomes ready; a minute after
 * it was forbidden to open a scheduling gate. Failure: the queue backs off; nothing is held that the next turn would not
 * find.
 */
export function podReconciler(given: PodsDeps): (key: string) => Promise<ReconcileResult> {
  const claimants = podClaimants(given);
  const deps: PodsContext = { ...given, claimants };
  const formerClaims = createFormerClaims(deps, claimants, 'The pod has ended, or its label was taken off');

  return async key => {
    if (!deps.isLeader()) return {};
    const pod = deps.pods.get(key);
    const claimed = deps.ports.by('claimant', claimantKey('Pod', key));
    const mine = claimed.filter(port => isHeldBy(port, pod?.metadata.uid));
    const behind = await formerClaims.settle(key, claimed, pod?.metadata.uid);
    if (behind) return behind;
    if (!pod) {
      deps.assigner.drop('Pod', key);
      claimants.forget(key);
      deps.observer.podGone(key);
      return {};
    }
    deps.observer.podSeen(key);
    return mine.length > 0 ? serve(deps, pod, mine) : seek(deps, pod, []);
  };
}

/** The pods that claim ports: those with the label. */
function podClaimants(deps: PodsDeps): Claimants<Pod, ClaimReport> {
  const labelOf = ({ metadata }: Pod) => metadata.labels?.[poolLabel];
  return createClaimants<Pod, ClaimReport>(deps, {
    resource: podResource,
    remember(pod) {
      if (labelOf(pod) !== undefined) deps.pods.put(pod);
    },
    asks: pod => labelOf(pod) !== undefined && !hasEnded(pod),
    // One that has ended may have a namesake when it is gone; one without the label does not come back for its port.
    mayReturn: pod => labelOf(pod) !== undefined,
    wish: pod => [labelOf(pod), hasEnded(pod)],
    patch: reportPatch,
  });
}

/** Adds to the queue every pod that a change of a pod, an NLBPort or a pool concerns. */
export function watchForPods(
  deps: Pick<PodsDeps, 'pods' | 'ports' | 'pools' | 'assigner' | 'requestPass'>,
  queue: WorkQueue,
): void {
  deps.pods.onChange(({ key, object, previous }) => {
    queue.add(key);
    if (!previous || (object && asksTheSame(object, previous))) return;
    // What it was given or told is about another wish; and where it waits no longer, those behind may be told so.
    deps.assigner.drop('Pod', key);
    for (const pod of [object, previous]) {
      const poolName = pod?.metadata.labels?.[poolLabel];
      if (poolName) deps.requestPass(poolName);
    }
  });
  deps.ports.onChange(({ object, previous }) => {
    for (const claim of new Set([object?.spec.claim, previous?.spec.claim])) {
      if (claim?.kind === 'Pod') queue.add(`${claim.namespace}/${claim.name}`);
    }
    // Released, it counts for no quota any more.
    const isLetGo = object?.spec.claim?.releasedAt !== undefined && previous?.spec.claim?.releasedAt === undefined;
    if (!object?.spec.claim || isLetGo) deps.requestPass(object?.spec.pool ?? previous?.spec.pool ?? '');
  });
  deps.pools.onChange(({ key, object, previous }) => {
    deps.requestPass(key);
    if (object && previous && isSameForPorts(object, previous)) return;
    for (const pod of deps.pods.by('pool', key)) queue.add(keyOf(pod));
  });
}

/** Whether what decides which ports a pod asks for is the same in both. */
function asksTheSame(a: Pod, b: Pod): boolean {
  const wishFields = ({ metadata: { uid, labels, annotations } }: Pod) =>
    [uid, labels?.[poolLabel], annotations?.[portsAnnotation], annotations?.[staticPortAnnotation]].join('\0');
  return wishFields(a) === wishFields(b);
}

/** A pod that holds no ports, or not all of them: tells it why, or binds what it was assigned. */
async function seek(deps: PodsContext, pod: Pod, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const key = keyOf(pod);
  const poolName = pod.metadata.labels?.[poolLabel] ?? '';
  // A pod that ends may hold a port that the cache does not show yet: its endpoint is not for this to take back.
  if (await holdsUnseen(deps, pod, mine)) return again;
  if (hasEnded(pod) || pod.metadata.deletionTimestamp !== undefined) {
    deps.assigner.drop('Pod', key);
    // A pod that never had anything is left as it is.
    const hasSomething = findReady(pod) !== undefined || mine.length > 0;
    return hasSomething ? giveUp(deps, deps.claimants, pod, mine, releasedReport('The pod ends')) : {};
  }
  const wish = podWish(pod, deps.pools.get(poolName));
  const found = await seekPorts(deps, deps.claimants, pod, mine, poolName, wish);
  if (!Array.isArray(found)) return found;
  deps.observer.podBound(poolName, key);
  return serve(deps, pod, found);
}

/**
 * A pod that holds at least one port: the ones that it asks for are committed, exposed and published together, and others
 * given back.
 */
async function serve(deps: PodsContext, pod: Pod, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const poolName = pod.metadata.labels?.[poolLabel] ?? '';
  const leaving = mine.filter(
    port => isOver(deps, pod, port) || port.spec.pool !== poolName || isLost(port, deps.pools.get(port.spec.pool)),
  );
  if (leaving.length > 0) {
    const live = await deps.claimants.live(pod);
    if (live === 'stale cache') return whenCaughtUp;
    // One that has ended may have a namesake when it is gone; one that moved on does not come back for this port.
    const isGone = (port: NLBPort) => !live?.metadata.labels?.[poolLabel] || !isOver(deps, pod, port);
    if (!(await releasePorts(deps, leaving, isGone))) return again;
    // Of another pool it may hold a port that it keeps to its end.
    if (leaving.some(port => isOver(deps, pod, port) && port.spec.pool === poolName) || hasEnded(pod))
      return deps.claimants.report(live ?? pod, releasedReport('The pod ends'));
    return again;
  }
  const wish = podWish(pod, deps.pools.get(poolName));
  const committed = committedNames(pod);
  const set = committedSet(mine, committed, portNames(wish));
  if (!set) return settle(deps, pod, mine, wish);
  const spare = mine.filter(port => !set.includes(port));
  if (spare.length > 0) {
    // Only the live pod's word decides which of several are the ones: an older commit may stand in the cache.
    const live = await deps.claimants.live(pod);
    if (live === 'stale cache' || !live) return whenCaughtUp;
    if (committedNames(live).join() !== committed.join()) return whenCaughtUp;
    if (!(await releasePorts(deps, spare, () => true))) return again;
  }
  const exposed: NLBPort[] = [];
  for (const port of set) {
    const done = await expose(deps, pod, port, wish);
    if (!done) return again;
    exposed.push(done);
  }
  // What was told and when to look again are of one moment: a port may become ready while the pod is written.
  const nowMs = deps.clock.nowMs();
  const report = publication(deps, pod, exposed, wish, nowMs);
  if (promisesMore(report, pod)) {
    for (const port of exposed.filter(port => set.includes(port))) {
      if (!(await confirmHeld(deps, pod.metadata.uid ?? '', port))) return again;
    }
  }
  const told = await deps.claimants.report(pod, report);
  const gate = await openSchedulingGate(deps, deps.pods.get(keyOf(pod)) ?? pod);
  if (gate === 'again') return again;
  if (gate !== 'done') deps.claimants.noteOnce(pod, 'SchedulingGateForbidden', gate.forbidden);
  const nextMs = Math.min(
    gate === 'done' ? Number.POSITIVE_INFINITY : nowMs + gateRetryMs,
    ...exposed.map(port => readyAtMs(port, nowMs) ?? Number.POSITIVE_INFINITY),
  );
  return told.requeueAfterMs === undefined && Number.isFinite(nextMs) ? requeueAt(deps.clock, nextMs) : told;
}

/** A pod that holds ports without a commit that stands for them: they are committed once they are all there. */
async function settle(
  deps: PodsContext,
  pod: Pod,
  mine: readonly NLBPort[],
  wish: Result<ClaimWish>,
): Promise<ReconcileResult> {
  const committed = committedNames(pod);
  // What the cache does not show as this pod's may be so by now.
  if (await holdsUnseen(deps, pod, mine)) return again;
  const set = wish.ok ? findSet(mine, portNames(wish) ?? []) : undefined;
  if (set) return commit(deps, pod, set, mine);
  // A set of which one is lost is published no longer; what is left of it is kept where the rest fits beside it.
  if (committed.length > 0) {
    const lost = withoutCommit(plainReport('Released', 'A port was lost: another one is sought'));
    return (await deps.claimants.write(pod, lost)) === 'gone' ? {} : again;
  }
  return seek(deps, pod, mine);
}

function publication(
  deps: PodsContext,
  pod: Pod,
  ports: readonly NLBPort[],
  wish: Result<ClaimWish>,
  nowMs: number,
): ClaimReport {
  const bound = boundReport(ports, wish.ok ? wish.value : undefined, nowMs);
  const now = ports.map(port => port.spec.claim?.portName ?? '').toSorted();
  const wanted = portNames(wish)?.toSorted();
  if (wanted && wanted.join() !== now.join()) {
    const found = `"${wanted.join()}", while "${now.join()}" ${now.length === 1 ? 'is' : 'are'} bound`;
    const message = `Cannot change names and number of ports: the annotation asks for ${found}; make the pod anew`;
    deps.claimants.noteOnce(pod, 'WishFrozen', codedError('WishFrozen', message).message);
  } else if (!wish.ok) deps.claimants.noteOnce(pod, wish.error.reason, wish.error.message);
  else {
    const has = (wanted: PortWish) =>
      ports.some(port => port.spec.claim?.portName === wanted.name && port.spec.port === wanted.number);
    const other = wish.value.ports.find(wanted => wanted.number !== undefined && !has(wanted));
    if (other) {
      const message = `Cannot move port "${other.name}" to ${other.number}: another number is bound; make the pod anew`;
      deps.claimants.noteOnce(pod, 'WishFrozen', codedError('WishFrozen', message).message);
    }
  }
  const refused = refusedAddress(deps, pod, ports[0]!);
  if (refused) return { ...errorReport(refused), annotations: bound.annotations };
  return bound;
}

/**
 * Writes on the pod which ports it accepts, all in one patch: the second half of the bind, which forbids two ports per
 * name of a wish.
 */
async function commit(
  deps: PodsContext,
  pod: Pod,
  set: readonly NLBPort[],
  mine: readonly NLBPort[],
): Promise<ReconcileResult> {
  const names = set.map(port => port.metadata.name);
  const bound = plainReport('Bound', `${names.length === 1 ? 'Port' : 'Ports'} ${names.join(', ')} bound`);
  const annotations = { ...bound.annotations, [boundAnnotation]: names.join() };
  const outcome = await deps.claimants.write(pod, { ...bound, annotations });
  if (outcome === 'gone') return {};
  const fresh = deps.pods.get(keyOf(pod));
  const isCommitted = outcome === 'written' && fresh && committedNames(fresh).join() === names.join();
  return isCommitted ? serve(deps, fresh, mine) : again;
}

function portNames(wish: Result<ClaimWish>): string[] | undefined {
  return wish.ok ? wish.value.ports.map(({ name }) => name) : undefined;
}

/** Exposes a committed port and keeps its target true. Undefined: the commit is void, or the cache was behind. */
async function expose(
  deps: PodsContext,
  pod: Pod,
  port: NLBPort,
  wish: Result<ClaimWish>,
): Promise<NLBPort | undefined> {
  const name = port.spec.claim?.portName;
  const wanted = wantedTargets(
    deps,
    pod,
    port,
    wish.ok ? wish.value.ports.find(each => each.name === name) : undefined,
  );
  const exposed = await exposePort(deps, pod.metadata.uid ?? '', port, wanted);
  if (exposed && exposed !== port && wanted.length > 0) deps.observer.targetKnown(port.spec.pool, port.metadata.name);
  return exposed;
}

/** The pod's address and port; what is registered stays while a bound pod's wish can't be read or its name changed. */
function wantedTargets(deps: PodsContext, pod: Pod, port: NLBPort, wish: PortWish | undefined): Target[] {
  const now = port.spec.targets ?? [];
  const ip = addressOf(deps, pod, port);
  const targetPort = wish?.targetPort ?? now[0]?.port;
  if (ip === undefined || targetPort === undefined) return now;
  return [{ ip, port: targetPort }];
}

/** The address of the pod to which the port sends; undefined where it has none of a family that it can send to. */
function addressOf(deps: PodsContext, pod: Pod, port: NLBPort): string | undefined {
  const pool = deps.pools.get(port.spec.pool);
  const families = pool ? familiesOf(pool, loadBalancerOf(port, pool)) : ipFamilies;
  return chooseAddress(addressesOf(pod), families, port.spec.targets ?? []);
}

/** Why the port can't send to a pod that has an address. */
function refusedAddress(deps: PodsContext, pod: Pod, port: NLBPort): CodedError | undefined {
  const [ip] = addressesOf(pod);
  const pool = deps.pools.get(port.spec.pool);
  if (ip === undefined || !pool || addressOf(deps, pod, port) !== undefined) return undefined;
  const { name = port.spec.loadBalancer.arn } = loadBalancerOf(port, pool) ?? {};
  const cannot = `Cannot register pod with pool "${pool.metadata.name}": its address ${ip} is not IPv4`;
  return codedError(
    'AddressFamily',
    `${cannot}, and load balancer "${name}" does not send to IPv6; ${whyNoIpv6(pool)}`,
  );
}

/** Whether the pool takes the port back from this pod now. */
function isOver(deps: PodsContext, pod: Pod, port: NLBPort): boolean {
  if (hasEnded(pod)) return true;
  const pool = deps.pools.get(port.spec.pool);
  return pool !== undefined && releasesOn(pool.spec) === 'Terminating' && pod.metadata.deletionTimestamp !== undefined;
}
