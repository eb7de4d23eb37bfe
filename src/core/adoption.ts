import { foundAnnotation } from '../api/names.ts';
import type { IpFamily } from '../api/pool.ts';
import type { NLBPort, PortStatus, Target } from '../api/port.ts';
import { announceResources, withFamily } from './resource-record.ts';

/**
 * A port that was made again may have its listener and target group in AWS still, and a live pod behind them. Nobody
 * gets it before that was looked into; then the pod goes first whose address the group holds, for a while.
 */
export const adoptionTimes = {
  /** For the look: three calls, which may wait for the budget behind everything else. */
  lookMs: 60_000,
  /** From the look: as long as a pod's loop may need to bind after a restart, many times over. */
  adoptMs: 30_000,
} as const;

/** Whether the port was made where AWS showed a listener of its name, and nobody has looked into that yet. */
export function mustBeLookedInto({ metadata, spec, status }: NLBPort): boolean {
  const isMarked = metadata.annotations?.[foundAnnotation] === 'true' && status?.observedGeneration === undefined;
  return isMarked && spec.claim === undefined && !spec.retire && metadata.deletionTimestamp === undefined;
}

/** Whether it is not known yet who is behind the port: whoever says it is theirs waits for that. */
export function isBeingFound(port: NLBPort): boolean {
  const { adoptUntil, targetGroupArn } = port.status ?? {};
  const isLookedFor = adoptUntil !== undefined && targetGroupArn === undefined && port.spec.claim === undefined;
  return mustBeLookedInto(port) || isLookedFor;
}

/** The targets that were found in the group of a port that is free but for them; none where anything speaks against it. */
export function foundBehind({ metadata, spec, status }: NLBPort): readonly Target[] {
  const { adoptUntil, targets = [] } = status ?? {};
  if (spec.claim || spec.retire || metadata.deletionTimestamp !== undefined || adoptUntil === undefined) return [];
  return targets.every(({ state }) => state === 'Registered') ? targets : [];
}

/** Whether what was found in the group is left alone still: nobody has been exposed to it, and its time is not over. */
export function isKeptForAdoption({ spec, status }: NLBPort, nowMs: number): boolean {
  return status?.adoptUntil !== undefined && nowMs < Date.parse(status.adoptUntil) && !spec.claim?.exposed;
}

/** Before AWS is asked what it holds of a port that was made again. */
export function announceLook(port: NLBPort, adoptUntil: string): PortStatus {
  return { ...announceResources(port), adoptUntil };
}

/**
 * What was found: `found` is the status with the group's targets, undefined where there is no group or nobody in it. The
 * port stays announced, as its listener was not looked at. Void where the port has moved on since AWS was asked.
 */
export function recordLook(
  asked: NLBPort,
  current: NLBPort,
  found: { status: PortStatus; targetGroupArn: string; ipFamily?: IpFamily; adoptUntil: string } | undefined,
): PortStatus | undefined {
  const { creating, targetGroupArn } = current.status ?? {};
  if (creating === undefined || creating !== asked.status?.creating || targetGroupArn !== undefined) return undefined;
  if (found) {
    const { targetGroupArn: arn, adoptUntil } = found;
    return { ...withFamily(found.status, found.ipFamily), targetGroupArn: arn, adoptUntil };
  }
  const next = { ...current.status };
  delete next.adoptUntil;
  return next;
}
