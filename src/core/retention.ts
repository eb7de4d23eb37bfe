import { parseDurationMs } from '../api/duration.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { isConflict } from './allocate.ts';

/** Kinds of claimants that the operator looks after: it writes `goneAt` for them and for no others. */
const sweptKinds = ['Pod', 'Service'];

/** Who may have a port back: whoever has the same kind, namespace and name, for the port of the same name. */
export interface Namesake {
  kind: string;
  namespace: string;
  name: string;
}

/**
 * Until when a released port is kept for its claimant's namesake, in milliseconds: infinity while the claimant itself is
 * still there, and its own release where nothing is kept. A port that could not serve the namesake is not kept: one that
 * is on its way out, or has someone else's listener on it (`foreign`).
 */
export function retainedUntilMs(port: NLBPort, pool: NLBPortPool, foreign: boolean): number {
  const { claim, retire } = port.spec;
  const releasedMs = Date.parse(claim?.releasedAt ?? '');
  const retainMs = parseDurationMs(pool.spec.release.retain);
  const isLeaving = retire === true || port.metadata.deletionTimestamp !== undefined;
  if (!claim || retainMs === 0 || isLeaving || foreign || isConflict(port)) return releasedMs;
  if (claim.goneAt !== undefined) return Date.parse(claim.goneAt) + retainMs;
  return sweptKinds.includes(claim.kind) ? Number.POSITIVE_INFINITY : releasedMs + retainMs;
}

/** Whether the port is released and kept for this namesake's port of this name. */
export function isKeptFor(
  port: NLBPort,
  namesake: Namesake,
  portName: string,
  pool: NLBPortPool,
  foreign: boolean,
  nowMs: number,
): boolean {
  return isClaimOf(port, namesake, portName) && nowMs < retainedUntilMs(port, pool, foreign);
}

/** Whether the released claim on the port is one that the namesake may take over, by the rules of the schema. */
export function isClaimOf(
  { spec: { claim } }: NLBPort,
  { kind, namespace, name }: Namesake,
  portName: string,
): boolean {
  return (
    claim?.releasedAt !== undefined &&
    claim.kind === kind &&
    claim.namespace === namespace &&
    claim.name === name &&
    claim.portName === portName
  );
}
