import type { NLBPort, Phase } from '../api/port.ts';
import { isConflict } from './allocate.ts';

/** The one word for people that sums a port up. `provisioned`: see `isProvisioned`; `foreign`: see `LifecycleInput`. */
export function phaseOf(port: NLBPort, provisioned: boolean, foreign: boolean): Phase {
  const { claim, retire, warm } = port.spec;
  if (claim?.releasedAt !== undefined) return port.status?.reuseAfter === undefined ? 'Releasing' : 'Quarantined';
  if (claim !== undefined) return 'Bound';
  if (retire) return 'Retiring';
  if (foreign || isConflict(port)) return 'Conflict';
  if (provisioned) return 'Available';
  return warm ? 'Provisioning' : 'Cold';
}
