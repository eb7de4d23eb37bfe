import { findCondition } from '../api/conditions.ts';
import { awsFinalizer } from '../api/names.ts';
import { type KnownTarget, type NLBPort, type PortStatus, sameTarget, type Target } from '../api/port.ts';
import { isBeingFound, isKeptForAdoption, mustBeLookedInto } from './adoption.ts';
import { needsOtherFamily } from './ip-family.ts';
import type { TargetGroupSettings } from './target-group-settings.ts';

/** How long the port's life waits for what; all in milliseconds. */
export interface LifecycleTimes {
  /**
   * From registration to the first look at its health: a registration carries traffic after one to five minutes (AWS
   * support), so an earlier look is wasted.
   */
  firstHealthLookMs: number;
  /** What is added to the deregistration delay before AWS is asked whether draining has ended. */
  drainSlackMs: number;
  /** The pool's deregistration delay and quarantine. */
  deregistrationDelayMs: number;
  quarantineMs: number;
  /**
   * How long a registration that was given up may still arrive in AWS, from a process that is cut off: a target that left
   * a port in use is not forgotten before. The pool's quarantine; of a released port, that itself comes after it.
   */
  lateCallMs: number;
  /** Until when a released port is kept for its claimant's namesake; see `retainedUntilMs` of retention.ts. */
  retainedUntilMs: number;
}

export interface LifecycleInput {
  port: NLBPort;
  /** What the pool wants of the target group. */
  settings: TargetGroupSettings;
  /** Whether the pool's last listing shows someone else's listener on the port. */
  foreign: boolean;
  nowMs: number;
  times: LifecycleTimes;
}

/**
 * Most targets that one step registers or deregisters. AWS takes up to 1,000, but now and then rejects large numbers at
 * once, and one that is too many has the whole call refused; 100 is what Kubernetes came to (kubernetes/kubernetes#101592).
 */
export const maxTargetsPerStep = 100;

/** The one thing to do next for a port. */
export type Step =
  /** Write down that AWS may hold resources from now on, before it is asked to make them. */
  | { do: 'announceResources' }
  /** Write down that a port was made again whose group may have a live pod in it, before AWS is asked. */
  | { do: 'announceLook' }
  /** Look who is in the group of a port that was made again. */
  | { do: 'lookForTargets' }
  /** Look for what an earlier process may have made without living to write it down. */
  | { do: 'findResources' }
  | { do: 'createTargetGroup' }
  | { do: 'inspectTargetGroup' }
  | { do: 'modifyHealthCheck' }
  | { do: 'modifyAttributes' }
  | { do: 'createListener' }
  /** Write down that AWS may hold these from now on, before it is asked to. */
  | { do: 'announceTargets'; targets: Target[] }
  | { do: 'registerTargets'; targets: Target[] }
  /** Write down that AWS may have let go of these from now on, before it is asked to. */
  | { do: 'announceDeparture'; targets: Target[] }
  | { do: 'deregisterTargets'; targets: Target[] }
  | { do: 'readHealth' }
  | { do: 'startQuarantine' }
  | { do: 'removeClaim' }
  /** Write down that the listener may be gone from now on, before AWS is asked to delete it. */
  | { do: 'announceRemoval' }
  | { do: 'deleteListener' }
  | { do: 'deleteTargetGroup' }
  | { do: 'dropFinalizer' }
  /** Nothing now; `untilMs` is when to ask again, if time alone can change the answer. */
  | { do: 'rest'; untilMs?: number };

/**
 * The next step in the life of a port, from its object alone. The order is the point: the dead are deregistered before
 * anything else; a target group gets its attributes before its listener exists (or it could take a zone out of DNS); what
 * is registered was written down before; a claim is removed only when AWS said that draining has ended and the
 * quarantine and the retention are over; AWS resources are torn down only while no claim is there.
 */
export function nextStep(input: LifecycleInput): Step {
  const { port } = input;
  const { claim, retire } = port.spec;
  const known = port.status?.targets ?? [];
  const wanted = port.spec.targets ?? [];

  if (mustBeLookedInto(port)) return { do: 'announceLook' };
  const isKept = isKeptForAdoption(port, input.nowMs);
  if (isKept && isBeingFound(port)) return { do: 'lookForTargets' };
  if (isKept && !claim) return rest(Date.parse(port.status?.adoptUntil ?? ''));

  const dead = known.filter(entry => entry.state !== 'Draining' && !wanted.some(target => sameTarget(target, entry)));
  const unannounced = dead.filter(({ state }) => state !== 'Deregistering');
  if (unannounced.length > 0 && !isKept) return { do: 'announceDeparture', targets: unannounced.map(bare) };
  if (dead.length > 0 && !isKept) return { do: 'deregisterTargets', targets: firstOf(dead) };

  const terminating = port.metadata.deletionTimestamp !== undefined;
  // Someone other than the pool controller deleted the object: its resources stay and the next object finds them.
  if (terminating && !retire && !claim) return letGo(port);

  if (claim?.releasedAt !== undefined) return afterRelease(input, known);
  if (claim !== undefined || (port.spec.warm && !retire)) return provide(input, known, wanted);
  return tearDown(port, terminating, known, input);
}

/** Whether listener and target group are there and fit to carry traffic, though an edit of the pool may be on its way. */
export function isInPlace(port: NLBPort): boolean {
  const { targetGroupArn, listenerArn, creating, removing, inspected, applied } = port.status ?? {};
  const isThere = targetGroupArn !== undefined && listenerArn !== undefined;
  const isSure = creating === undefined && !removing;
  return isThere && isSure && inspected === true && applied?.attributes !== undefined;
}

/** Whether listener and target group are there and as the pool wants them. */
export function isProvisioned(port: NLBPort, settings: TargetGroupSettings): boolean {
  const applied = port.status?.applied;
  return (
    isInPlace(port) &&
    applied?.attributes === settings.fingerprints.attributes &&
    applied.healthCheck === settings.fingerprints.healthCheck
  );
}

/**
 * How long after a search that contradicted the record it is made again: more than AWS was seen to show what is gone
 * (seconds, by users' reports).
 */
export const searchAgainMs = 5_000;

/** How long after its deregistration a target may be forgotten, if AWS shows it no more. */
export function forgetAfterMs({ deregistrationDelayMs, drainSlackMs, lateCallMs }: LifecycleTimes): number {
  return Math.max(deregistrationDelayMs + drainSlackMs, lateCallMs);
}

function provide(input: LifecycleInput, known: KnownTarget[], wanted: Target[]): Step {
  const { port, settings } = input;
  const status = port.status ?? {};
  // A deletion that was begun may be carried out at any time: it is brought to its end, and the listener made anew.
  if (status.removing && status.listenerArn !== undefined) return { do: 'deleteListener' };
  if (needsOtherFamily(port)) return makeWay(status, input.nowMs);
  const conflict = conflictUntilMs(input);
  if (status.listenerArn === undefined && conflict !== undefined) return rest(conflict);
  const complete = status.targetGroupArn !== undefined && status.listenerArn !== undefined;
  if (!complete && status.creating === undefined) return { do: 'announceResources' };
  if (status.targetGroupArn === undefined) return { do: 'createTargetGroup' };
  if (status.inspected !== true) return { do: 'inspectTargetGroup' };
  // A port that carries traffic is served first; a pool's edit reaches it when nothing is more urgent.
  if (!isInPlace(port)) {
    if (status.applied?.healthCheck !== settings.fingerprints.healthCheck) return { do: 'modifyHealthCheck' };
    if (status.applied?.attributes !== settings.fingerprints.attributes) return { do: 'modifyAttributes' };
    return { do: 'createListener' };
  }
  const unannounced = wanted.filter(target => !known.some(entry => isHeld(entry) && sameTarget(entry, target)));
  if (unannounced.length > 0) return { do: 'announceTargets', targets: unannounced.map(bare) };
  const registering = known.filter(entry => entry.state === 'Registering');
  if (registering.length > 0) return { do: 'registerTargets', targets: firstOf(registering) };
  if (status.applied?.healthCheck !== settings.fingerprints.healthCheck) return { do: 'modifyHealthCheck' };
  if (status.applied?.attributes !== settings.fingerprints.attributes) return { do: 'modifyAttributes' };

  const lookAtMs = Math.min(
    findCondition(status.conditions, 'Healthy')?.status === 'True' || wanted.length === 0
      ? Number.POSITIVE_INFINITY
      : lookAfterMs(input, known),
    drainedAtMs(input, known),
    status.lateLookAfter === undefined ? Number.POSITIVE_INFINITY : Date.parse(status.lateLookAfter),
  );
  return input.nowMs >= lookAtMs ? { do: 'readHealth' } : rest(lookAtMs);
}

/** A target group of the wrong family goes, and its listener before it, which may be there though nobody wrote it down. */
function makeWay(status: PortStatus, nowMs: number): Step {
  if (status.creating !== undefined) return search(status, nowMs);
  return { do: status.listenerArn === undefined ? 'deleteTargetGroup' : 'announceRemoval' };
}

/** What may be there unrecorded is looked for, but not at once again after a search that contradicted the record. */
function search({ lookAfter }: PortStatus, nowMs: number): Step {
  const waitMs = lookAfter === undefined ? 0 : Date.parse(lookAfter) - nowMs;
  // A later time is of the looks at targets.
  return waitMs > 0 && waitMs <= searchAgainMs ? rest(nowMs + waitMs) : { do: 'findResources' };
}

function afterRelease(input: LifecycleInput, known: KnownTarget[]): Step {
  const { spec, status } = input.port;
  if (known.length > 0) {
    const lookAtMs = drainedAtMs(input, known);
    return input.nowMs >= lookAtMs ? { do: 'readHealth' } : rest(lookAtMs);
  }
  // The audit saw somebody in a group that was in use, by a call that came late or by somebody's hand.
  const wasInUse = status?.targetGroupArn !== undefined && status.applied?.attributes !== undefined;
  if (wasInUse && status.inspected === false) return { do: 'readHealth' };
  // What stands there may be of the claim before, where the port was bound and given up between two looks.
  if (status?.reuseAfter === undefined || status.reuseOf !== spec.claim?.releasedAt) return { do: 'startQuarantine' };
  const reuseAtMs = Date.parse(status.reuseAfter);
  if (input.nowMs < reuseAtMs) return rest(reuseAtMs);
  // What a call that came late has registered meanwhile has the quarantine begin anew.
  if (status.lateLookAfter !== undefined) return { do: 'readHealth' };
  const { retainedUntilMs } = input.times;
  return input.nowMs >= retainedUntilMs ? { do: 'removeClaim' } : rest(retainedUntilMs);
}

function tearDown(port: NLBPort, terminating: boolean, known: KnownTarget[], input: LifecycleInput): Step {
  if (port.status?.creating !== undefined) return search(port.status, input.nowMs);
  if (port.status?.listenerArn !== undefined)
    return { do: port.status.removing ? 'deleteListener' : 'announceRemoval' };
  if (port.status?.targetGroupArn !== undefined) return { do: 'deleteTargetGroup' };
  if (terminating) return letGo(port);
  if (known.length > 0) return rest(drainedAtMs(input, known));
  // The port is free again then, and somebody has to say so.
  return rest(conflictUntilMs(input) ?? Number.POSITIVE_INFINITY);
}

/** An object that is let go of may be there for a while: until the news of its end comes, or for someone else's finalizer. */
function letGo({ metadata }: NLBPort): Step {
  return metadata.finalizers?.includes(awsFinalizer) ? { do: 'dropFinalizer' } : { do: 'rest' };
}

/** Until when a conflict keeps the port from being provided; infinity while the pool's listing shows it. */
function conflictUntilMs({ port, foreign, nowMs }: LifecycleInput): number | undefined {
  if (foreign) return Number.POSITIVE_INFINITY;
  const { conflictUntil } = port.status ?? {};
  if (conflictUntil === undefined) return undefined;
  const untilMs = Date.parse(conflictUntil);
  return nowMs < untilMs ? untilMs : undefined;
}

function lookAfterMs({ port, times }: LifecycleInput, known: KnownTarget[]): number {
  if (port.status?.lookAfter !== undefined) return Date.parse(port.status.lookAfter);
  const sinceMs = known.filter(isHeld).map(entry => Date.parse(entry.since));
  return sinceMs.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...sinceMs) + times.firstHealthLookMs;
}

/** When the first draining target may be forgotten, or the next look at it; infinity where none drains. */
function drainedAtMs({ port, times }: LifecycleInput, known: KnownTarget[]): number {
  const sinceMs = known.filter(entry => entry.state === 'Draining').map(entry => Date.parse(entry.since));
  if (sinceMs.length === 0) return Number.POSITIVE_INFINITY;
  const goneMs = Math.min(...sinceMs) + forgetAfterMs(times);
  const looked = port.status?.lookAfter;
  return looked === undefined ? goneMs : Math.max(goneMs, Date.parse(looked));
}

function isHeld({ state }: KnownTarget): boolean {
  return state === 'Registering' || state === 'Registered';
}

function firstOf(targets: readonly Target[]): Target[] {
  return targets.slice(0, maxTargetsPerStep).map(bare);
}

function bare({ ip, port }: Target): Target {
  return { ip, port };
}

function rest(untilMs: number): Step {
  return Number.isFinite(untilMs) ? { do: 'rest', untilMs } : { do: 'rest' };
}
