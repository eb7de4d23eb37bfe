import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import { isKeptFor } from '../core/retention.ts';
import type { Informer } from '../kube/informer.ts';
import { parseKey } from '../kube/objects.ts';
import type { Clock } from '../runtime/clock.ts';
import { claimantKey } from './claims.ts';
import { isForeign } from './port-context.ts';

/** The ports of a pool that were given up by a claimant of this kind and key, and are kept for whoever comes under both. */
export function keptPorts(
  { ports, clock }: { ports: Informer<NLBPort>; clock: Clock },
  kind: string,
  key: string,
  pool: NLBPortPool,
): NLBPort[] {
  const { namespace = '', name } = parseKey(key);
  return ports.by('claimant', claimantKey(kind, key)).filter(port => {
    const portName = port.spec.claim?.portName ?? '';
    const isOfPool = port.spec.pool === pool.metadata.name;
    const foreign = isForeign(port, pool);
    return isOfPool && isKeptFor(port, { kind, namespace, name }, portName, pool, foreign, clock.nowMs());
  });
}
