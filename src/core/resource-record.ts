import type { IpFamily } from '../api/pool.ts';
import type { NLBPort, PortStatus } from '../api/port.ts';
import { needsOtherFamily } from './ip-family.ts';

/**
 * How what AWS answered gets onto a port's status. AWS may be slow, and another operator may have changed the port since
 * it was asked; so an answer counts only where it is still about the resources that the port has. `asked` is the port as
 * it was when AWS was asked, `current` as it is now; `undefined` means that the answer is void and nothing is to be written.
 */
type Recorded = PortStatus | undefined;

/**
 * AWS is about to be asked to make resources. The object's own resourceVersion names the announcement: as the write is a
 * compare-and-swap on it, no two announcements have the same name.
 */
export function announceResources({ status, metadata }: NLBPort): PortStatus {
  return { ...status, creating: status?.creating ?? metadata.resourceVersion ?? '' };
}

/**
 * What a search found. A listener that was found only goes: listings of AWS lag behind, so it may be gone already, and
 * who binds the port next must not take it for one that is in place. Where it found another target group than the one on
 * record, it is made again at `searchAgainAt`, as listings show for a while what is gone.
 */
export function recordFound(
  asked: NLBPort,
  current: NLBPort,
  found: { targetGroupArn?: string; ipFamily?: IpFamily; listenerArn?: string },
  searchAgainAt: string,
): Recorded {
  if (current.status?.creating !== asked.status?.creating) return undefined;
  const { ipFamily, ...arns } = found;
  const { targetGroupArn: before } = current.status ?? {};
  const isOther = before !== undefined && found.targetGroupArn !== undefined && before !== found.targetGroupArn;
  const known = found.targetGroupArn === undefined ? current.status : withFamily(current.status, ipFamily);
  const next: PortStatus = { ...known, ...arns, inspected: false };
  // Of two groups with one name one is gone: the record is old, or the listing. They have to agree before either is forgotten.
  if (isOther) next.lookAfter = searchAgainAt;
  else delete next.creating;
  if (found.listenerArn !== undefined) next.removing = true;
  return next;
}

/** A target group was made; `healthCheck` is the fingerprint of the settings that it is known to have. */
export function recordTargetGroup(
  asked: NLBPort,
  current: NLBPort,
  made: { targetGroupArn: string; healthCheck?: string; ipFamily?: IpFamily },
): Recorded {
  const { creating, targetGroupArn } = current.status ?? {};
  if (targetGroupArn === made.targetGroupArn) return undefined;
  if (creating !== asked.status?.creating || targetGroupArn !== undefined) return announceResources(current);
  return {
    ...withFamily(current.status, made.ipFamily),
    targetGroupArn: made.targetGroupArn,
    inspected: false,
    applied: made.healthCheck === undefined ? {} : { healthCheck: made.healthCheck },
  };
}

/** A listener was made. One that the port has no use for any more is announced, so that it is looked for. */
export function recordListener(asked: NLBPort, current: NLBPort, listenerArn: string): Recorded {
  const status = { ...current.status };
  if (status.creating !== asked.status?.creating || status.targetGroupArn !== asked.status?.targetGroupArn) {
    return status.listenerArn === listenerArn ? undefined : announceResources(current);
  }
  delete status.creating;
  return { ...status, listenerArn };
}

/**
 * The listener is about to be deleted: from here on nobody may count on it. Void once the port has a claim, unless the
 * claim's targets need another target group.
 */
export function announceRemoval(current: NLBPort): Recorded {
  return current.spec.claim && !needsOtherFamily(current) ? undefined : { ...current.status, removing: true };
}

/** The listener that AWS was asked to delete is gone. */
export function recordListenerGone(asked: NLBPort, current: NLBPort): Recorded {
  if (current.status?.listenerArn !== asked.status?.listenerArn) return undefined;
  const next = { ...current.status };
  delete next.listenerArn;
  delete next.removing;
  return next;
}

/** Someone else's listener has the port: what was on record there, if it is still the same, is gone for good. */
export function recordListenerLost(asked: NLBPort, current: NLBPort): PortStatus {
  const next = { ...current.status };
  if (next.listenerArn === asked.status?.listenerArn) delete next.listenerArn;
  return next;
}

/**
 * The target group that AWS was asked about is gone, by our hand or another's: with its targets, and with its listener,
 * as no listener outlives its target group.
 */
export function recordTargetGroupGone(asked: NLBPort, current: NLBPort): Recorded {
  if (!isSameTargetGroup(asked, current)) return undefined;
  const next = { ...current.status, inspected: false, targets: [] };
  delete next.targetGroupArn;
  delete next.ipFamily;
  delete next.listenerArn;
  delete next.removing;
  delete next.applied;
  delete next.lookAfter;
  delete next.lateLookAfter;
  return next;
}

/** The family of the target group that is known now: unset where it is IPv4. */
export function withFamily(status: PortStatus | undefined, ipFamily: IpFamily | undefined): PortStatus {
  const next = { ...status };
  delete next.ipFamily;
  return ipFamily === 'IPv6' ? { ...next, ipFamily } : next;
}

/** Whether what AWS said about a target group is about the one that the port has now. */
export function isSameTargetGroup(asked: NLBPort, current: NLBPort): boolean {
  return current.status?.targetGroupArn === asked.status?.targetGroupArn;
}
