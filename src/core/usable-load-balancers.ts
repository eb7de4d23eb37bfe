import type { LoadBalancerStatus, NLBPortPool } from '../api/pool.ts';

/**
 * The load balancers whose ports a claim can be given, in the pool's order; with `needsIpv6` those alone that can send to
 * addresses of IPv6. New listeners can be made on one that is still provisioning, too.
 */
export function usableLoadBalancers(pool: NLBPortPool | undefined, needsIpv6 = false): LoadBalancerStatus[] {
  const all = pool?.status?.loadBalancers ?? [];
  return all.filter(({ state, ipv6 }) => state !== 'failed' && (!needsIpv6 || ipv6 === true));
}
