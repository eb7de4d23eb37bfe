import type { ClaimWish, PortWish } from '../api/claim.ts';
import { codedError, type Result } from '../api/errors.ts';
import { boundAnnotation, poolLabel } from '../api/names.ts';
import { type NLBPortPool, releasesOn } from '../api/pool.ts';
import type { NLBPort, Target } from '../api/port.ts';
import { isConflict as isConflictPort } from '../core/allocate.ts';
import { podWish } from '../core/pod-wish.ts';
import { committedSet, findSet } from '../core/port-set.ts';
import { readyAtMs } from '../core/readiness.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isInvalid, isNotFound, isOutcomeUnknown } from '../kube/kube-error.ts';
import { keyOf, type Pod, parseKey } from '../kube/objects.ts';
import { pods as podResource } from '../kube/resource.ts';
import { MIN_REQUEUE_MS, type ReconcileResult, requeueAt, type WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Assigner } from './assign-ports.ts';
import { bindSet, type Claimant, exposePort, holdsAnyOf, markGone, releasePorts } from './claim-port.ts';
import { claimantKey, committedNames, hasEnded, isHeldBy, isUnsettled } from './claims.ts';
import type { Observer } from './observer.ts';
import {
  boundReport,
  errorReport,
  findReady,
  type PodReport,
  plainReport,
  podStatusPatch,
  releasedReport,
  withoutCommit,
} from './pod-status.ts';
import { hasLeft, isForeign } from './port-context.ts';
import { openSchedulingGate } from './scheduling-gate.ts';

export interface PodsDeps {
  client: KubeClient;
  pods: Informer<Pod>;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  assigner: Assigner;
  /** What was said of each bound pod's edited wish, by the pod's key, so that it is said once. */
  noted: Map<string, string>;
  /** Asks for a pass over the waiting claims of a pool, soon. */
  requestPass: (poolName: string) => void;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  observer: Observer;
  isLeader: () => boolean;
}

/** Comes back at once, with what the cache holds by then. */
const again: ReconcileResult = { requeueAfterMs: MIN_REQUEUE_MS };

/** Comes back when the watch may have caught up with what a live read showed. */
const caughtUpMs = 200;
const whenCaughtUp: ReconcileResult = { requeueAfterMs: caughtUpMs };
const longestLagMs = 300_000;

/**
 * Gives one labelled pod its ports and takes them back: bind, commit, expose, publish, release.
 *
 * Trigger: the pod, an NLBPort that it holds or held, its pool, an assignment. Reads: pods, NLBPorts, pools; the live pod
 * before anything is released. Writes: `spec.claim` and `spec.targets` of NLBPorts, the pod's annotations and condition
 * through pods/status; never AWS. Requeue: at once after a lost race. Failure: the queue backs off; nothing is held that
 * the next turn would not find.
 */
export function podReconciler(deps: PodsDeps): (key: string) => Promise<ReconcileResult> {
  /** How often in a row a live pod that holds a port was missing from the cache. */
  const missed = new Map<string, number>();

  return async key => {
    if (!deps.isLeader()) return {};
    const pod = deps.pods.get(key);
    const claimed = deps.ports.by('claimant', claimantKey('Pod', key));
    const mine = claimed.filter(port => isHeldBy(port, pod?.metadata.uid));
    const others = claimed.filter(port => isUnsettled(port) && port.spec.claim?.uid !== pod?.metadata.uid);
    if (others.length > 0 && (await releaseUnlessAlive(deps, key, others)) === 'stale cache') {
      const times = missed.get(key) ?? 0;
      missed.set(key, times + 1);
      // It may never come: its namespace is watched no longer, perhaps. Its port is left to it.
      return { requeueAfterMs: Math.min(longestLagMs, caughtUpMs * 2 ** times) };
    }
    missed.delete(key);
    if (!pod) {
      deps.assigner.drop('Pod', key);
      deps.noted.delete(key);
      deps.observer.podGone(key);
      return {};
    }
    deps.observer.podSeen(key);
    return mine.length > 0 ? serve(deps, pod, mine) : seek(deps, pod, []);
  };
}

/** Adds to the queue every pod that a change of a pod, an NLBPort or a pool concerns. */
export function watchForPods(deps: Pick<PodsDeps, 'pods' | 'ports' | 'pools' | 'requestPass'>, queue: WorkQueue): void {
  deps.pods.onChange(({ key, object, previous }) => {
    queue.add(key);
    // Someone waits no longer: those behind may be told so.
    const poolName = previous?.metadata.labels?.[poolLabel];
    if (!object && poolName) deps.requestPass(poolName);
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
    if (object?.metadata.generation === previous?.metadata.generation && object && previous) return;
    for (const pod of deps.pods.by('pool', key)) queue.add(keyOf(pod));
  });
}

/** A pod that holds no ports, or not all of them: tells it why, or binds what it was assigned. */
async function seek(deps: PodsDeps, pod: Pod, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const key = keyOf(pod);
  const poolName = pod.metadata.labels?.[poolLabel] ?? '';
  const pool = deps.pools.get(poolName);
  // A pod that ends may hold a port that the cache does not show yet: its endpoint is not for this to take back.
  if (await holdsAnyOf(deps, pod.metadata.uid, committedNames(pod).filter(isNotAmong(mine)))) return again;
  if (hasEnded(pod) || pod.metadata.deletionTimestamp !== undefined) {
    deps.assigner.drop('Pod', key);
    // A pod that never had anything is left as it is.
    const hasSomething = findReady(pod) !== undefined || mine.length > 0;
    return hasSomething ? giveUp(deps, pod, mine, releasedReport('The pod ends')) : {};
  }
  const wish = podWish(pod, pool);
  if (!wish.ok) {
    deps.assigner.drop('Pod', key);
    if (!pool && isOfLostPorts(deps, pod)) {
      noteOnce(deps, pod, wish.error.reason, wish.error.message);
      return {};
    }
    if (findReady(pod)?.reason !== wish.error.reason) {
      deps.observer.allocation(poolName, 'refused', wish.error.reason);
    }
    return giveUp(deps, pod, mine, withoutCommit(errorReport(wish.error)));
  }
  const assignment = deps.assigner.get('Pod', key, pod.metadata.uid ?? '');
  if (!assignment) {
    deps.requestPass(poolName);
    return {};
  }
  if (assignment.kind === 'settingUp')
    return giveUp(deps, pod, mine, plainReport('WaitingForPool', 'The pool is being set up'));
  if (assignment.kind === 'waits') {
    if (findReady(pod)?.reason !== assignment.error.reason) {
      deps.observer.allocation(poolName, 'waiting', assignment.error.reason);
    }
    return giveUp(deps, pod, mine, withoutCommit(errorReport(assignment.error)));
  }
  const bound = await bindSet(deps, claimantOf(pod), wish.value.ports, assignment.names);
  deps.assigner.drop('Pod', key);
  if (!bound) {
    deps.requestPass(poolName);
    return {};
  }
  for (const port of bound) {
    const { name } = port.metadata;
    deps.log.info({ pod: key, port: name, pool: poolName, loadBalancer: port.spec.loadBalancer.arn }, 'Port bound');
  }
  deps.observer.allocation(poolName, 'bound', 'Bound');
  deps.observer.podBound(poolName, key);
  return serve(deps, pod, [...mine.filter(port => isNotAmong(bound)(port.metadata.name)), ...bound]);
}

/**
 * A pod that holds at least one port: the ones that it asks for are committed, exposed and published together, and others
 * given back.
 */
async function serve(deps: PodsDeps, pod: Pod, mine: readonly NLBPort[]): Promise<ReconcileResult> {
  const poolName = pod.metadata.labels?.[poolLabel] ?? '';
  const leaving = mine.filter(port => isOver(deps, pod, port) || port.spec.pool !== poolName || isLost(deps, port));
  if (leaving.length > 0) {
    const live = await liveOf(deps, pod);
    if (live === 'stale cache') return whenCaughtUp;
    // One that has ended may have a namesake when it is gone; one that moved on does not come back for this port.
    const isGone = (port: NLBPort) => !live?.metadata.labels?.[poolLabel] || !isOver(deps, pod, port);
    if (!(await releasePorts(deps, leaving, isGone))) return again;
    if (hasEnded(pod) || isOver(deps, pod, leaving[0]!))
      return report(deps, live ?? pod, releasedReport('The pod ends'));
    return again;
  }
  const wish = podWish(pod, deps.pools.get(poolName));
  const committed = committedNames(pod);
  const set = committedSet(mine, committed, portNames(wish));
  if (!set) return settle(deps, pod, mine, wish);
  const spare = mine.filter(port => !set.includes(port));
  if (spare.length > 0) {
    // Only the live pod's word decides which of several are the ones: an older commit may stand in the cache.
    const live = await liveOf(deps, pod);
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
  const told = await report(deps, pod, publication(deps, pod, exposed, wish, nowMs));
  const gate = await openSchedulingGate(deps, deps.pods.get(keyOf(pod)) ?? pod);
  if (gate === 'again') return again;
  if (gate !== 'done') noteOnce(deps, pod, 'SchedulingGateForbidden', gate.forbidden);
  const readyMs = Math.min(...exposed.map(port => readyAtMs(port, nowMs) ?? Number.POSITIVE_INFINITY));
  return told.requeueAfterMs === undefined && Number.isFinite(readyMs) ? requeueAt(deps.clock, readyMs) : told;
}

/**
 * Whether the pod says that it holds ports, and none of them exists: a pool goes only after its claims and its ports, so
 * it is still to come, as where a cluster was restored. What is written on the pod is all that is known then.
 */
function isOfLostPorts(deps: PodsDeps, pod: Pod): boolean {
  const names = committedNames(pod);
  return names.length > 0 && findReady(pod) !== undefined && !names.some(name => deps.ports.get(name));
}

/** A pod that holds ports without a commit that stands for them: they are committed once they are all there. */
async function settle(
  deps: PodsDeps,
  pod: Pod,
  mine: readonly NLBPort[],
  wish: Result<ClaimWish>,
): Promise<ReconcileResult> {
  const committed = committedNames(pod);
  // What the cache does not show as this pod's may be so by now.
  if (await holdsAnyOf(deps, pod.metadata.uid, committed.filter(isNotAmong(mine)))) return again;
  const set = wish.ok ? findSet(mine, portNames(wish) ?? []) : undefined;
  if (set) return commit(deps, pod, set, mine);
  // A set of which one is lost is published no longer; what is left of it is kept where the rest fits beside it.
  if (committed.length > 0) {
    const lost = withoutCommit(plainReport('Released', 'A port was lost: another one is sought'));
    return (await writeReport(deps, pod, lost)) === 'gone' ? {} : again;
  }
  return seek(deps, pod, mine);
}

/** Tells the pod that it waits, or why it has nothing, and gives back what it holds of a set that it can't have. */
async function giveUp(deps: PodsDeps, pod: Pod, mine: readonly NLBPort[], wanted: PodReport): Promise<ReconcileResult> {
  if (mine.length > 0) {
    // The live pod may have committed them: another process did so, or an answer got lost.
    const live = await liveOf(deps, pod);
    if (live === 'stale cache') return whenCaughtUp;
    if (live && committedNames(live).length > 0) return again;
    if (!(await releasePorts(deps, mine, () => true))) return again;
  }
  return report(deps, pod, wanted);
}

function publication(
  deps: PodsDeps,
  pod: Pod,
  ports: readonly NLBPort[],
  wish: Result<ClaimWish>,
  nowMs: number,
): PodReport {
  const [{ spec } = ports[0]!] = ports;
  const bound = boundReport(ports, wish.ok ? wish.value : undefined, nowMs);
  const now = ports.map(port => port.spec.claim?.portName ?? '').toSorted();
  const wanted = portNames(wish)?.toSorted();
  if (wanted && wanted.join() !== now.join()) {
    const found = `"${wanted.join()}", while "${now.join()}" ${now.length === 1 ? 'is' : 'are'} bound`;
    const message = `Cannot change names and number of ports: the annotation asks for ${found}; make the pod anew`;
    noteOnce(deps, pod, 'WishFrozen', codedError('WishFrozen', message).message);
  } else if (!wish.ok) noteOnce(deps, pod, wish.error.reason, wish.error.message);
  else {
    const has = (wanted: PortWish) =>
      ports.some(port => port.spec.claim?.portName === wanted.name && port.spec.port === wanted.number);
    const other = wish.value.ports.find(wanted => wanted.number !== undefined && !has(wanted));
    if (other) {
      const message = `Cannot move port "${other.name}" to ${other.number}: another number is bound; make the pod anew`;
      noteOnce(deps, pod, 'WishFrozen', codedError('WishFrozen', message).message);
    }
  }
  if (ipOf(pod) === 'other family') {
    const message = `Cannot register pod with pool "${spec.pool}": its address ${pod.status?.podIP} is not IPv4`;
    return { ...errorReport(codedError('AddressFamily', message)), annotations: bound.annotations };
  }
  return bound;
}

/**
 * Writes on the pod which ports it accepts, all in one patch: the second half of the bind, which forbids two ports per
 * name of a wish.
 */
async function commit(
  deps: PodsDeps,
  pod: Pod,
  set: readonly NLBPort[],
  mine: readonly NLBPort[],
): Promise<ReconcileResult> {
  const names = set.map(port => port.metadata.name);
  const bound = plainReport('Bound', `${names.length === 1 ? 'Port' : 'Ports'} ${names.join(', ')} bound`);
  const annotations = { ...bound.annotations, [boundAnnotation]: names.join() };
  const outcome = await writeReport(deps, pod, { ...bound, annotations });
  if (outcome === 'gone') return {};
  const fresh = deps.pods.get(keyOf(pod));
  const isCommitted = outcome === 'written' && fresh && committedNames(fresh).join() === names.join();
  return isCommitted ? serve(deps, fresh, mine) : again;
}

function portNames(wish: Result<ClaimWish>): string[] | undefined {
  return wish.ok ? wish.value.ports.map(({ name }) => name) : undefined;
}

function isNotAmong(ports: readonly NLBPort[]): (name: string) => boolean {
  return name => !ports.some(port => port.metadata.name === name);
}

/** Exposes a committed port and keeps its target true. Undefined: the commit is void, or the cache was behind. */
async function expose(deps: PodsDeps, pod: Pod, port: NLBPort, wish: Result<ClaimWish>): Promise<NLBPort | undefined> {
  const name = port.spec.claim?.portName;
  const wanted = wantedTargets(pod, port, wish.ok ? wish.value.ports.find(each => each.name === name) : undefined);
  const exposed = await exposePort(deps, pod.metadata.uid ?? '', port, wanted);
  if (exposed && exposed !== port && wanted.length > 0) deps.observer.targetKnown(port.spec.pool, port.metadata.name);
  return exposed;
}

/** The pod's address and port; what is registered stays while a bound pod's wish can't be read or its name changed. */
function wantedTargets(pod: Pod, port: NLBPort, wish: PortWish | undefined): Target[] {
  const now = port.spec.targets ?? [];
  const ip = ipOf(pod);
  const targetPort = wish?.targetPort ?? now[0]?.port;
  if (ip === undefined || ip === 'other family' || targetPort === undefined) return now;
  return [{ ip, port: targetPort }];
}

function claimantOf({ metadata: { namespace = '', name, uid = '' } }: Pod): Claimant {
  return { kind: 'Pod', namespace, name, uid };
}

function ipOf(pod: Pod): string | 'other family' | undefined {
  const { podIP, podIPs = [] } = pod.status ?? {};
  if (!podIP) return undefined;
  return [podIP, ...podIPs.map(({ ip }) => ip)].find(ip => !ip.includes(':')) ?? 'other family';
}

/** Releases ports of pods that are gone, by a live GET, and says so on them: that the cache lacks a pod proves nothing. */
async function releaseUnlessAlive(
  deps: PodsDeps,
  key: string,
  ports: readonly NLBPort[],
): Promise<'done' | 'stale cache'> {
  const live = await getPod(deps, key);
  const isLive = (port: NLBPort) => live !== undefined && live.metadata.uid === port.spec.claim?.uid;
  // Alive, but not in the cache: its label was taken off, or the cache is behind.
  const isLabelled = live?.metadata.labels?.[poolLabel] !== undefined;
  const isWaiting = isLabelled && !hasEnded(live);
  const isGone = (port: NLBPort) => !(isLabelled && isLive(port));
  const held = ports.filter(port => isHeldBy(port, port.spec.claim?.uid));
  const leaving = held.filter(port => !(isWaiting && isLive(port)));
  if (live && leaving.some(isLive)) {
    // Before the release: without its label, only the port that it holds still leads here.
    const told = releasedReport('The pod has ended, or its label was taken off');
    if ((await writeReport(deps, live, told)) === 'conflict') return 'stale cache';
  }
  const isDone = await releasePorts(deps, leaving, isGone);
  for (const port of ports) if (!held.includes(port) && isGone(port)) await markGone(deps, port);
  return isDone && leaving.length === held.length ? 'done' : 'stale cache';
}

/** Whether the pool takes the port back from this pod now. */
function isOver(deps: PodsDeps, pod: Pod, port: NLBPort): boolean {
  if (hasEnded(pod)) return true;
  const pool = deps.pools.get(port.spec.pool);
  return pool !== undefined && releasesOn(pool.spec) === 'Terminating' && pod.metadata.deletionTimestamp !== undefined;
}

/**
 * Whether the port can't be made, before it ever was: someone else's listener or target group is in its place, or its
 * load balancer has left the pool.
 */
function isLost(deps: PodsDeps, port: NLBPort): boolean {
  const pool = deps.pools.get(port.spec.pool);
  if (port.status?.listenerArn !== undefined) return false;
  return isConflictPort(port) || (pool !== undefined && (isForeign(port, pool) || hasLeft(port, pool)));
}

/** The live pod of this uid; undefined where it is gone; `stale cache` where it says otherwise than the cached one. */
async function liveOf(deps: PodsDeps, pod: Pod): Promise<Pod | undefined | 'stale cache'> {
  const live = await getPod(deps, keyOf(pod));
  if (!live || live.metadata.uid !== pod.metadata.uid) return undefined;
  if (live.metadata.labels?.[poolLabel] === undefined) return live;
  deps.pods.put(live);
  const sameSource = (other: Pod) => JSON.stringify([other.metadata.labels?.[poolLabel], hasEnded(other)]);
  return sameSource(live) === sameSource(pod) ? live : 'stale cache';
}

async function getPod(deps: PodsDeps, key: string): Promise<Pod | undefined> {
  try {
    return await deps.client.get(podResource, parseKey(key));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function report(deps: PodsDeps, pod: Pod, wanted: PodReport): Promise<ReconcileResult> {
  return (await writeReport(deps, pod, wanted)) === 'conflict' ? again : {};
}

/** Writes what the pod is told, and an Event where its reason changed. */
async function writeReport(deps: PodsDeps, pod: Pod, wanted: PodReport): Promise<'written' | 'gone' | 'conflict'> {
  const body = podStatusPatch(pod, wanted, deps.clock.nowMs());
  if (!body) return 'written';
  const key = { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name };
  try {
    const written = await deps.client.patch(podResource, key, { type: 'strategic', body }, { subresource: 'status' });
    if (written.metadata.labels?.[poolLabel] !== undefined) deps.pods.put(written);
  } catch (error) {
    if (isNotFound(error)) return 'gone';
    if (!isConflict(error) && !isInvalid(error) && !isOutcomeUnknown(error)) throw error;
    const live = await getPod(deps, keyOf(pod));
    if (live?.metadata.labels?.[poolLabel] !== undefined) deps.pods.put(live);
    return live?.metadata.uid === pod.metadata.uid ? 'conflict' : 'gone';
  }
  const before = findReady(pod);
  if (before?.reason !== wanted.reason) {
    deps.events.record({
      resource: podResource,
      object: pod,
      type: wanted.warning ? 'Warning' : 'Normal',
      reason: wanted.reason,
      action: 'GivePort',
      message: wanted.message,
    });
  }
  return 'written';
}

function noteOnce(deps: PodsDeps, pod: Pod, reason: string, note: string): void {
  const about = `${pod.metadata.uid} ${reason} `;
  const before = (deps.noted.get(keyOf(pod)) ?? '').split('\0');
  if (before.includes(about + note)) return;
  // The latest of each reason: two that hold at once are not said in turns.
  const others = before.filter(
    said => said !== '' && said.startsWith(pod.metadata.uid ?? '') && !said.startsWith(about),
  );
  deps.noted.set(keyOf(pod), [...others, about + note].join('\0'));
  deps.events.record({
    resource: podResource,
    object: pod,
    type: 'Warning',
    reason,
    action: 'GivePort',
    message: note,
  });
}
