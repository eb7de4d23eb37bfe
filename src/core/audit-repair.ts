import type { NLBPort, PortStatus } from '../api/port.ts';
import { announceResources } from './resource-record.ts';

/**
 * Parts of a port's record that the audit no longer believes: the listener, the targets in the group, its settings, or
 * that there is nothing at all (`resources`).
 */
export type SetBack = 'listener' | 'targets' | 'healthCheck' | 'attributes' | 'resources';

/** Stands for settings that the target group may not have; no fingerprint is like it. */
const altered = 'altered';

/**
 * The status by which the port controller looks again and mends: it makes the listener or finds it, reads the targets,
 * writes the settings. Nothing is forgotten by it, so a finding that was wrong costs a few calls and changes nothing.
 * `asked` is the port as it was before AWS was read; undefined where it is no longer about the same resources, or where
 * the port controller is at work on them already.
 */
export function setBack(asked: NLBPort, current: NLBPort, parts: readonly SetBack[]): PortStatus | undefined {
  const status = current.status ?? {};
  const same =
    status.listenerArn === asked.status?.listenerArn && status.targetGroupArn === asked.status?.targetGroupArn;
  if (!same || isWorkedOn(current)) return undefined;
  let next: PortStatus = { ...status };
  if (parts.includes('listener') || parts.includes('resources')) next = announceResources({ ...current, status: next });
  if (parts.includes('targets')) next.inspected = false;
  for (const part of ['healthCheck', 'attributes'] as const) if (parts.includes(part)) next = doubted(next, part);
  return next;
}

/**
 * The status by which settings are no longer known to be there; undefined where they are not. Written before others are
 * sent: without an answer AWS may have either, and an edit of the pool that was taken back meanwhile would ask for nothing.
 */
export function doubtSettings(
  status: PortStatus | undefined,
  part: 'healthCheck' | 'attributes',
): PortStatus | undefined {
  const known = status?.applied?.[part];
  return known === undefined || known === altered ? undefined : doubted(status ?? {}, part);
}

function doubted(status: PortStatus, part: 'healthCheck' | 'attributes'): PortStatus {
  return { ...status, applied: { ...status.applied, [part]: altered } };
}

/**
 * Whether something is being made or deleted for the port. For one that rests after its claim nothing is made before it is
 * free: what is written down to be made by then does not keep it from being looked into.
 */
export function isWorkedOn({ spec, status }: NLBPort): boolean {
  const isResting = spec.claim?.releasedAt !== undefined;
  return Boolean(status?.removing) || (status?.creating !== undefined && !isResting);
}

/** Whether a status was set back since: the port controller has something to do, whoever wrote it. */
export function isSetBack(status: PortStatus | undefined, previous: PortStatus | undefined): boolean {
  if (status === undefined) return false;
  const { creating, inspected, applied, listenerArn } = status;
  const isAnnounced = creating !== undefined && previous?.creating === undefined;
  return (
    (isAnnounced && (listenerArn !== undefined || status.targetGroupArn === undefined)) ||
    (inspected === false && previous?.inspected === true) ||
    (applied?.healthCheck === altered && previous?.applied?.healthCheck !== altered) ||
    (applied?.attributes === altered && previous?.applied?.attributes !== altered)
  );
}

/** Whether nothing of a status is set back any more, and nothing is on its way: what it says is what was last seen. */
export function isAsBelieved(status: PortStatus | undefined): boolean {
  const { creating, removing, inspected, applied, targetGroupArn, targets = [] } = status ?? {};
  const isAltered = applied?.healthCheck === altered || applied?.attributes === altered;
  const isMoving = targets.some(({ state }) => state === 'Registering' || state === 'Deregistering');
  return creating === undefined && !removing && !isAltered && !isMoving && (!targetGroupArn || inspected === true);
}
