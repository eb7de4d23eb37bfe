import { type CodedError, codedError } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';

/** How many ports the claims of each namespace hold; those that were given up and rest are not counted. */
export function heldByNamespace(ports: readonly NLBPort[]): Map<string, number> {
  const held = new Map<string, number>();
  for (const { spec } of ports) {
    if (!spec.claim || spec.claim.releasedAt !== undefined) continue;
    held.set(spec.claim.namespace, (held.get(spec.claim.namespace) ?? 0) + 1);
  }
  return held;
}

/** Why a namespace that holds `held` ports of the pool can't have `more`: QuotaExceeded; undefined where it can. */
export function quotaError(pool: NLBPortPool, namespace: string, held: number, more: number): CodedError | undefined {
  const quota = pool.spec.access.quotaPerNamespace;
  if (quota === undefined || held + more <= quota) return undefined;
  const what = `${more} ${more === 1 ? 'port' : 'ports'}`;
  return codedError(
    'QuotaExceeded',
    `Cannot give ${what} of pool "${pool.metadata.name}" to namespace "${namespace}": it holds ${held}, at most ${quota} allowed`,
  );
}
