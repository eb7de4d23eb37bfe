import type { Listener, LoadBalancer, TargetGroup } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { CallOptions, Elbv2Api } from './elbv2-api.ts';

/** The most that AWS gives in one page (ELB API Reference). */
const PageSize = 400;

/** All load balancers of the account and region, of every type. Throws rather than answer in part. */
export async function listAllLoadBalancers(api: Elbv2Api, options: CallOptions): Promise<LoadBalancer[]> {
  const all: LoadBalancer[] = [];
  let Marker: string | undefined;
  do {
    const page = await api.call('DescribeLoadBalancers', { PageSize, ...(Marker ? { Marker } : {}) }, options);
    all.push(...(page.LoadBalancers ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return all;
}

/** All listeners of a load balancer. Throws rather than answer in part. */
export async function listAllListeners(
  api: Elbv2Api,
  loadBalancerArn: string,
  options: CallOptions,
): Promise<Listener[]> {
  const all: Listener[] = [];
  let Marker: string | undefined;
  do {
    const page = await api.call(
      'DescribeListeners',
      { LoadBalancerArn: loadBalancerArn, PageSize, ...(Marker ? { Marker } : {}) },
      options,
    );
    all.push(...(page.Listeners ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return all;
}

/** All target groups of the account and region. Throws rather than answer in part. */
export async function listAllTargetGroups(api: Elbv2Api, options: CallOptions): Promise<TargetGroup[]> {
  const all: TargetGroup[] = [];
  let Marker: string | undefined;
  do {
    const page = await api.call('DescribeTargetGroups', { PageSize, ...(Marker ? { Marker } : {}) }, options);
    all.push(...(page.TargetGroups ?? []));
    Marker = page.NextMarker;
  } while (Marker);
  return all;
}
