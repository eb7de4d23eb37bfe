import { preciseTimestamp } from '../api/conditions.ts';
import type { NLBPort, PortStatus } from '../api/port.ts';

/**
 * The status of a released port whose quarantine begins now, as its newest object (`current`) and the pool as it is now have
 * it; undefined where that is not the release that `asked` had, where targets are known, or where another process has begun
 * a quarantine that lasts at least as long: who hears late of an edit of the pool does not shorten it.
 */
export function beginQuarantine(
  asked: NLBPort,
  current: NLBPort,
  quarantineMs: number,
  nowMs: number,
): PortStatus | undefined {
  const { spec, status = {} } = current;
  const reuseOf = spec.claim?.releasedAt;
  if (reuseOf === undefined || reuseOf !== asked.spec.claim?.releasedAt || (status.targets ?? []).length > 0) {
    return undefined;
  }
  const reuseAtMs = nowMs + quarantineMs;
  const begunUntilMs = status.reuseOf === reuseOf ? Date.parse(status.reuseAfter ?? '') : Number.NaN;
  if (begunUntilMs >= reuseAtMs) return undefined;
  const reuseAfter = preciseTimestamp(reuseAtMs);
  const isThere = status.targetGroupArn !== undefined;
  return { ...status, reuseAfter, reuseOf, ...(isThere ? { lateLookAfter: reuseAfter } : {}) };
}
