import { findCondition } from '../api/conditions.ts';
import { parseDurationMs } from '../api/duration.ts';
import type { CodedError } from '../api/errors.ts';
import type { LoadBalancerStatus, NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { isConflict } from '../core/allocate.ts';
import type { LifecycleInput, LifecycleTimes } from '../core/lifecycle.ts';
import { type Probe, probeOf, whyNotProbed } from '../core/probe.ts';
import { retainedUntilMs } from '../core/retention.ts';
import { type TargetGroupSettings, targetGroupSettings } from '../core/target-group-settings.ts';

/** The waits that the operator's options set; milliseconds. */
export interface OperatorTimes extends Pick<LifecycleTimes, 'firstHealthLookMs' | 'drainSlackMs'> {
  /** A second try at a port on which someone else was found, where the pool's listing does not show it. */
  conflictRetryMs: number;
}

/** What a port's life depends on besides the port. */
export interface PortContext {
  pool: NLBPortPool;
  settings: TargetGroupSettings;
  /** Undefined while the pool does not list the port's load balancer. */
  loadBalancer: LoadBalancerStatus | undefined;
  foreign: boolean;
  /** The pool names the load balancer by ARN, and complete listings no longer find it. */
  loadBalancerGone: boolean;
  /** How long targets are healthy before they count as reachable. */
  settleMs: number;
  /** What has to be answered before the targets of a pod count as reachable, or why it can't be asked. */
  probing: { probe: Probe | undefined; refused: CodedError | undefined };
  times: LifecycleTimes;
}

/** Puts together what `nextStep` needs to know of the pool. */
export function portContext(port: NLBPort, pool: NLBPortPool, times: OperatorTimes): PortContext {
  const loadBalancer = loadBalancerOf(port, pool);
  const foreign = isForeign(port, pool);
  const { claim } = port.spec;
  const quarantineMs = parseDurationMs(pool.spec.release.quarantine);
  return {
    pool,
    settings: targetGroupSettings({ ...pool.spec, protocol: port.spec.protocol }),
    loadBalancer,
    foreign,
    loadBalancerGone: loadBalancer === undefined && isMissed(port, pool),
    probing: { probe: probeOf(pool.spec), refused: loadBalancer && whyNotProbed(pool.spec, loadBalancer) },
    settleMs: parseDurationMs(pool.spec.readiness.settle),
    times: {
      ...times,
      deregistrationDelayMs: parseDurationMs(pool.spec.targets.deregistrationDelay),
      retainedUntilMs: retainedUntilMs(port, pool, foreign),
      quarantineMs: claim?.exposed ? quarantineMs : 0,
      lateCallMs: claim?.releasedAt === undefined ? quarantineMs : 0,
    },
  };
}

/** The input of `nextStep` for this port at this time. */
export function lifecycleInput(port: NLBPort, context: PortContext, nowMs: number): LifecycleInput {
  return { port, settings: context.settings, foreign: context.foreign, nowMs, times: context.times };
}

/** One that was only taken out of the pool, or lost its tags, may well be there still: its rooms play on. */
function isMissed(port: NLBPort, { spec, status }: NLBPortPool): boolean {
  const isNamed = spec.loadBalancers.some(({ arn }) => arn === port.spec.loadBalancer.arn);
  return isNamed && findCondition(status?.conditions, 'Ready')?.reason === 'LoadBalancerNotFound';
}

/** The load balancer of a port as its pool's status has it. */
export function loadBalancerOf(port: NLBPort, pool: NLBPortPool): LoadBalancerStatus | undefined {
  return pool.status?.loadBalancers?.find(({ arn }) => arn === port.spec.loadBalancer.arn);
}

/** Whether a pool asks for the same, and its status tells the same of its load balancers, before and after a change of it. */
export function isSameForPorts(a: NLBPortPool | undefined, b: NLBPortPool | undefined): boolean {
  const isAsked = a?.metadata.generation === b?.metadata.generation;
  const isSeen = a?.status?.observedGeneration === b?.status?.observedGeneration;
  return isAsked && isSeen && JSON.stringify(a?.status?.loadBalancers) === JSON.stringify(b?.status?.loadBalancers);
}

/** Whether the pool's last listing found someone else's listener on the port. */
export function isForeign(port: NLBPort, pool: NLBPortPool): boolean {
  return loadBalancerOf(port, pool)?.foreignPorts.includes(port.spec.port) ?? false;
}

/**
 * Whether the port can't be made, before it ever was: someone else's listener or target group is in its place, or its load
 * balancer has left the pool. Whoever holds it has to move.
 */
export function isLost(port: NLBPort, pool: NLBPortPool | undefined): boolean {
  if (port.status?.listenerArn !== undefined) return false;
  return isConflict(port) || (pool !== undefined && (isForeign(port, pool) || hasLeft(port, pool)));
}

/** Whether the pool, as it is now, is known to have no use for the port's load balancer any more. */
function hasLeft(port: NLBPort, pool: NLBPortPool): boolean {
  const isCurrent = pool.status?.observedGeneration === pool.metadata.generation;
  return isCurrent && port.spec.retire === true && loadBalancerOf(port, pool) === undefined;
}
