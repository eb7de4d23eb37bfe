import { findCondition, preciseTimestamp } from '../api/conditions.ts';
import { type NLBPort, type PortStatus, sameTarget } from '../api/port.ts';

/**
 * When the targets of a port count as reachable, given its status as AWS has just been seen: from the first time that
 * they are healthy, and `settleMs` later, as healthy is not yet flowing. Undefined while nobody can say. Once that time
 * is past it stays, whatever health checks say, until the targets change: one bad check must not take a room out.
 */
export function readyAfter(port: NLBPort, status: PortStatus, settleMs: number, nowMs: number): string | undefined {
  if (!areRegistered(port, status)) return undefined;
  const before = status.readyAfter;
  if (findCondition(status.conditions, 'Healthy')?.status === 'True')
    return before ?? preciseTimestamp(nowMs + settleMs);
  return before !== undefined && Date.parse(before) <= nowMs ? before : undefined;
}

/** Whether the port's present targets count as reachable now: settled and, where the pool has a probe, answering. */
export function isReady(port: NLBPort, nowMs: number): boolean {
  const { status } = port;
  const probed = findCondition(status?.conditions, 'Probed');
  if (probed && probed.status !== 'True') return false;
  return status?.readyAfter !== undefined && Date.parse(status.readyAfter) <= nowMs && areRegistered(port, status);
}

/**
 * When one target of a port counts as reachable, whatever the others do: healthy, and `settleMs` later. Undefined while AWS
 * has not called it healthy.
 */
export function targetReadyAtMs({ status }: NLBPort, ip: string, settleMs: number): number | undefined {
  const known = status?.targets?.find(target => target.ip === ip && target.state === 'Registered');
  return known?.healthyAt === undefined ? undefined : Date.parse(known.healthyAt) + settleMs;
}

/** The time at which the port becomes ready by time alone; undefined where it is ready, or that takes more. */
export function readyAtMs(port: NLBPort, nowMs: number): number | undefined {
  const atMs = Date.parse(port.status?.readyAfter ?? '');
  return atMs > nowMs ? atMs : undefined;
}

/** Every target that the port is to have is one that AWS has accepted: the status may be of earlier targets. */
export function areRegistered({ spec: { targets = [] } }: NLBPort, { targets: known = [] }: PortStatus): boolean {
  const isKnown = (target: { ip: string; port: number }) =>
    known.some(entry => entry.state === 'Registered' && sameTarget(entry, target));
  return targets.length > 0 && targets.every(isKnown);
}
