import { findCondition, preciseTimestamp, withCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import {
  type KnownTarget,
  maxKnownTargets,
  type NLBPort,
  type PortStatus,
  sameTarget,
  type Target,
} from '../api/port.ts';
import type { TargetHealth } from '../aws/port-provider.ts';
import { isConflict } from '../core/allocate.ts';
import { familyOf } from '../core/ip-family.ts';
import { isInPlace, isProvisioned } from '../core/lifecycle.ts';
import { phaseOf } from '../core/phase.ts';
import { withProbed } from '../core/probe.ts';
import { readyAfter } from '../core/readiness.ts';
import type { Condition } from '../kube/objects.ts';
import type { PortContext } from './port-context.ts';

/** Longest time between looks at a target that does not become healthy: what 1,000 such rooms cost stays under 2 calls a second. */
const maxLookIntervalMs = 600_000;
const minLookIntervalMs = 1_000;

/** A status with everything that follows from the rest of the object brought up to date. */
export function deriveStatus(port: NLBPort, status: PortStatus, context: PortContext, nowMs: number): PortStatus {
  const current = { ...port, status };
  const provisioned = isProvisioned(current, context.settings);
  const { claim, targets = [] } = port.spec;
  const next: PortStatus = { ...status, observedGeneration: port.metadata.generation };
  setOrDelete(next, 'claimant', claim && `${claim.namespace}/${claim.name}`);
  setOrDelete(next, 'target', describeTargets(targets));
  const host = context.loadBalancer?.hostname;
  // A listener that is looked after once more, and a load balancer that left the pool: who has an endpoint keeps it.
  if (status.listenerArn === undefined || status.removing) delete next.endpoint;
  else if (isInPlace(current) && host !== undefined) next.endpoint = `${host}:${port.spec.port}`;
  if (status.targets) next.targets = withinLimit(status.targets);
  // The rest begins anew where AWS has a target after all, by a call that came late or by somebody's hand.
  const isEmpty = (next.targets ?? []).length === 0;
  if (claim?.releasedAt === undefined || claim.releasedAt !== next.reuseOf || !isEmpty) {
    delete next.reuseAfter;
    delete next.reuseOf;
  }
  const isAdopted = claim?.exposed || (next.adoptUntil !== undefined && Date.parse(next.adoptUntil) <= nowMs);
  if (isAdopted) delete next.adoptUntil;
  if (next.conflictUntil !== undefined && Date.parse(next.conflictUntil) <= nowMs) delete next.conflictUntil;
  next.conditions = deriveConditions(current, next, provisioned, context, nowMs);
  next.conditions = withProbed(port, next, context.probing, nowMs);
  setOrDelete(next, 'readyAfter', readyAfter(port, next, context.settleMs, nowMs));
  next.phase = phaseOf(
    { ...port, status: next },
    { provisioned, foreign: context.foreign, retainedUntilMs: context.times.retainedUntilMs, nowMs },
  );
  return next;
}

function deriveConditions(
  port: NLBPort,
  status: PortStatus,
  provisioned: boolean,
  context: PortContext,
  nowMs: number,
): Condition[] {
  let conditions: Condition[] = [...(status.conditions ?? [])];
  const set = (type: string, value: Condition['status'], reason: string, message: string) => {
    conditions = withCondition(
      conditions,
      { type, status: value, reason, message, observedGeneration: port.metadata.generation },
      nowMs,
    );
  };
  const { claim, warm, retire, targets = [] } = port.spec;
  const known = status.targets ?? [];
  const wanted = claim !== undefined || (warm && !retire);
  const failed = isFailure(findCondition(conditions, 'Provisioned'));
  if (context.loadBalancerGone) {
    const { arn } = port.spec.loadBalancer;
    const { message } = codedError('LoadBalancerNotFound', `Cannot serve the port: ${arn} is not there any more`);
    set('Provisioned', 'False', 'LoadBalancerNotFound', message);
  } else if (provisioned && (wanted || !failed)) {
    set('Provisioned', 'True', 'Provisioned', 'Listener and target group are there');
  } else if (context.foreign) {
    set(
      'Provisioned',
      'False',
      'ListenerConflict',
      codedError('ListenerConflict', 'Cannot make a listener: someone else has one on this port').message,
    );
  } else if (wanted) {
    if (!failed && isInPlace(port)) {
      set('Provisioned', 'True', 'Updating', "Listener and target group are there; the pool's edit is on its way");
    } else if (!failed) set('Provisioned', 'False', 'Provisioning', 'AWS resources are being made');
  } else if (isConflict(port) ? status.conflictUntil === undefined : !(failed && mayHoldResources(status))) {
    set('Provisioned', 'False', 'NotNeeded', 'No claim, and not kept warm');
  }
  const registered = targets.length > 0 && targets.every(target => known.some(isRegistered(target)));
  if (registered) set('TargetsRegistered', 'True', 'Registered', 'AWS has accepted every target');
  else if (targets.length === 0) {
    const isLeft = known.some(({ state }) => state !== 'Draining');
    // What AWS said when the last one was to be deregistered.
    if (!isLeft || !isFailure(findCondition(conditions, 'TargetsRegistered'))) {
      set('TargetsRegistered', 'False', 'NoTargets', 'No target is wanted');
    }
  } else if (!isFailure(findCondition(conditions, 'TargetsRegistered'))) {
    set('TargetsRegistered', 'False', 'Registering', 'AWS is being asked to register the targets');
  }
  const healthy = findCondition(conditions, 'Healthy');
  if (!registered && healthy?.reason !== 'NoTargets' && targets.length === 0) {
    set('Healthy', 'Unknown', 'NoTargets', 'No target is wanted');
  } else if (targets.length > 0 && (!registered || healthy === undefined || healthy.reason === 'NoTargets')) {
    set('Healthy', 'Unknown', 'Registering', 'The health of the targets was not looked at yet');
  }
  return conditions;
}

/** The status after a step failed. The first failure of a kind is kept: a new request id alone is no news. */
export function withFailure(status: PortStatus, type: string, error: CodedError, generation: number, nowMs: number) {
  const previous = findCondition(status.conditions, type);
  if (previous?.reason === error.reason && previous.status === 'False' && sameErrorCode(previous.message, error)) {
    return status;
  }
  const condition = {
    type,
    status: 'False' as const,
    reason: error.reason,
    message: error.message,
    observedGeneration: generation,
  };
  return { ...status, conditions: withCondition(status.conditions, condition, nowMs) };
}

/** What was known when AWS was asked about the health of a port's targets. */
export interface HealthQuestion {
  /** The port as it was then. */
  port: NLBPort;
  atMs: number;
  /** How long after it left a target is not forgotten, whatever AWS says; see `forgetAfterMs` of lifecycle.ts. */
  forgetAfterMs: number;
}

/** The status after AWS was asked about the health of the targets. */
export function withHealth(port: NLBPort, found: TargetHealth[], nowMs: number, asked: HealthQuestion): PortStatus {
  const status = { ...port.status };
  const wanted = port.spec.targets ?? [];
  const targets = mergeTargets(status.targets ?? [], found, wanted, asked, nowMs);
  const strangers = found.filter(target => !isDraining(target) && !wanted.some(other => sameTarget(other, target)));
  const states = wanted.map(target => found.find(other => sameTarget(other, target)));
  const missing = states.some(state => state === undefined);
  const healthy = states.length > 0 && strangers.length === 0 && states.every(state => state?.state === 'healthy');
  const next: PortStatus = { ...status, targets, inspected: true };
  if (next.lateLookAfter !== undefined && Date.parse(next.lateLookAfter) <= asked.atMs) delete next.lateLookAfter;
  if (wanted.length > 0) {
    next.conditions = withCondition(
      status.conditions,
      { type: 'Healthy', ...healthOf(states, strangers), observedGeneration: port.metadata.generation },
      nowMs,
    );
  }
  const waiting = targets.some(target => target.state === 'Draining') || (wanted.length > 0 && !healthy);
  setOrDelete(
    next,
    'lookAfter',
    waiting ? preciseTimestamp(nowMs + lookIntervalMs(targets, missing, nowMs)) : undefined,
  );
  return next;
}

/** The targets with these put down as in `state` since now; those that are not there yet are added. */
export function markTargets(
  status: PortStatus,
  marked: readonly Target[],
  state: KnownTarget['state'],
  nowMs: number,
): PortStatus {
  const since = preciseTimestamp(nowMs);
  const others = (status.targets ?? []).filter(entry => !marked.some(target => sameTarget(target, entry)));
  const next = { ...status, targets: [...others, ...marked.map(({ ip, port }) => ({ ip, port, state, since }))] };
  delete next.lookAfter;
  return next;
}

function mergeTargets(
  known: readonly KnownTarget[],
  found: readonly TargetHealth[],
  wanted: readonly Target[],
  asked: HealthQuestion,
  nowMs: number,
): KnownTarget[] {
  const since = preciseTimestamp(nowMs);
  // AWS shows a registration late, and an answer may be older than what was done since: what drained is gone only if it did
  // so when AWS was asked, and when no call from before can bring it back.
  const isOver = (entry: KnownTarget) =>
    Date.parse(entry.since) + asked.forgetAfterMs <= asked.atMs &&
    asked.port.status?.targets?.some(
      other => sameTarget(other, entry) && other.state === 'Draining' && other.since === entry.since,
    );
  const kept = known.flatMap((entry): KnownTarget[] => {
    const seen = found.find(target => sameTarget(target, entry));
    if (!seen) {
      if (entry.state === 'Draining') return isOver(entry) ? [] : [entry];
      // For the same reasons it is registered once more, or deregistered, whatever AWS says.
      const isWanted = wanted.some(target => sameTarget(target, entry));
      return isWanted ? [{ ...entry, state: 'Registering', since }] : [entry];
    }
    if (entry.state === 'Draining' && !isDraining(seen)) return [{ ...entry, state: 'Registered', since }];
    if (entry.state !== 'Draining' && isDraining(seen)) return [{ ...entry, state: 'Draining', since }];
    return [seen.state === 'healthy' && entry.healthyAt === undefined ? { ...entry, healthyAt: since } : entry];
  });
  const strangers = found
    .filter(target => !known.some(entry => sameTarget(entry, target)))
    .map((target): KnownTarget => {
      return { ip: target.ip, port: target.port, state: isDraining(target) ? 'Draining' : 'Registered', since };
    });
  return [...kept, ...strangers];
}

/**
 * Where there are too many to be written down, those go that were deregistered first: AWS said that it did so, and what a
 * late call brings back of them is seen by the looks after the others, and by the audit.
 */
function withinLimit(targets: KnownTarget[]): KnownTarget[] {
  const tooMany = targets.length - maxKnownTargets;
  if (tooMany <= 0) return targets;
  const drained = targets.filter(entry => entry.state === 'Draining');
  const first = drained.toSorted((a, b) => Date.parse(a.since) - Date.parse(b.since)).slice(0, tooMany);
  const forgotten = new Set(first);
  return targets.filter(entry => !forgotten.has(entry));
}

/** One healthy target is enough: a Service with one is reachable, as everywhere in Kubernetes. */
function healthOf(
  states: readonly (TargetHealth | undefined)[],
  strangers: readonly TargetHealth[],
): Pick<Condition, 'status' | 'reason' | 'message'> {
  if (strangers.length > 0) {
    return {
      status: 'False',
      reason: 'StrangerRegistered',
      message: 'A target of someone else is in the target group',
    };
  }
  const others = states.filter(state => state?.state !== 'healthy');
  const worst = others.find(state => state?.state.startsWith('unhealthy')) ?? others[0];
  if (others.length < states.length) {
    const failing = worst?.state.startsWith('unhealthy') ? `: ${worst.ip}:${worst.port} fails its health check` : '';
    const why = failing && worst?.reason ? `, ${worst.reason}` : '';
    const message = `${states.length - others.length} of ${states.length} targets healthy${failing}${why}`;
    return { status: 'True', reason: 'Healthy', message };
  }
  if (worst?.state.startsWith('unhealthy')) {
    return {
      status: 'False',
      reason: 'TargetUnhealthy',
      message: codedError(
        'TargetUnhealthy',
        `Cannot call ${worst.ip}:${worst.port} healthy: it fails its health check${worst.reason ? `, ${worst.reason}` : ''}`,
      ).message,
    };
  }
  return {
    status: 'Unknown',
    reason: 'Registering',
    message: worst ? `${worst.ip}:${worst.port} is ${worst.state}` : 'AWS does not list the target yet',
  };
}

/** Half the target's age, so that looks get rarer: by age, not in a loop. */
function lookIntervalMs(targets: readonly KnownTarget[], missing: boolean, nowMs: number): number {
  if (missing) return minLookIntervalMs;
  const newestMs = Math.max(...targets.map(target => Date.parse(target.since)));
  return Math.min(maxLookIntervalMs, Math.max(minLookIntervalMs, (nowMs - newestMs) / 2));
}

function mayHoldResources({ listenerArn, targetGroupArn, creating }: PortStatus): boolean {
  return listenerArn !== undefined || targetGroupArn !== undefined || creating !== undefined;
}

function isDraining(target: TargetHealth): boolean {
  return target.state === 'draining' || target.state === 'unhealthy.draining';
}

function isRegistered(target: Target) {
  return (entry: KnownTarget) => entry.state === 'Registered' && sameTarget(entry, target);
}

function isFailure(condition: Condition | undefined): boolean {
  return condition?.status === 'False' && condition.message.startsWith('NLBP-');
}

function sameErrorCode(message: string, error: CodedError): boolean {
  return error.aws === undefined ? message === error.message : message.includes(error.aws.errorCode);
}

function describeTargets(targets: readonly Target[]): string | undefined {
  const [first] = targets;
  if (!first) return undefined;
  return targets.length === 1 ? addressText(first) : `${targets.length} targets`;
}

function addressText({ ip, port }: Target): string {
  return familyOf(ip) === 'IPv6' ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function setOrDelete<T extends object, K extends keyof T>(object: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete object[key];
  else object[key] = value;
}
