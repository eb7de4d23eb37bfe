import type { NLBPort, Phase } from '../api/port.ts';
import { isConflict } from './allocate.ts';

/** What the phase depends on besides the object. */
export interface PhaseContext {
  /** See `isProvisioned`. */
  provisioned: boolean;
  /** See `LifecycleInput`. */
  foreign: boolean;
  /** See `LifecycleTimes`. */
  retainedUntilMs: number;
  nowMs: number;
}

/** The one word for people that sums a port up. */
export function phaseOf(port: NLBPort, { provisioned, foreign, retainedUntilMs, nowMs }: PhaseContext): Phase {
  const { claim, retire, warm } = port.spec;
  if (claim?.releasedAt !== undefined) {
    const { reuseAfter } = port.status ?? {};
    if (reuseAfter === undefined) return 'Releasing';
    return nowMs >= Date.parse(reuseAfter) && nowMs < retainedUntilMs ? 'Reserved' : 'Quarantined';
  }
  if (claim !== undefined) return 'Bound';
  if (retire) return 'Retiring';
  if (foreign || isConflict(port)) return 'Conflict';
  if (provisioned) return 'Available';
  return warm ? 'Provisioning' : 'Cold';
}
