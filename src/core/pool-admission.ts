import { failure, type Result } from '../api/errors.ts';
import type { NLBPortPool } from '../api/pool.ts';

/**
 * The pool, if it is there and open to claims from this namespace: what every kind of claimant needs first. Errors:
 * PoolNotFound, AccessDenied.
 */
export function admitToPool(poolName: string, pool: NLBPortPool | undefined, namespace: string): Result<NLBPortPool> {
  if (!pool || pool.metadata.deletionTimestamp !== undefined) {
    const found = pool ? 'is being deleted' : 'does not exist';
    return failure(
      'PoolNotFound',
      `Cannot claim a port: pool "${poolName}" ${found}, wanted the name of an NLBPortPool`,
    );
  }
  if (!admits(pool.spec.access.namespaces, namespace)) {
    return failure(
      'AccessDenied',
      `Cannot claim a port of pool "${poolName}": namespace "${namespace}" is not in its access.namespaces`,
    );
  }
  return { ok: true, value: pool };
}

/** Whether one of the patterns admits the namespace; `*` stands for any run of characters. */
export function admits(patterns: readonly string[], namespace: string): boolean {
  return patterns.some(pattern => {
    const [first = '', ...rest] = pattern.split('*');
    if (rest.length === 0) return namespace === pattern;
    if (!namespace.startsWith(first)) return false;
    const last = rest.pop() ?? '';
    let from = first.length;
    for (const part of rest) {
      const at = namespace.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return namespace.length - last.length >= from && namespace.endsWith(last);
  });
}
