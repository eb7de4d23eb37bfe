import type { Protocol } from '../api/claim.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import { type IpFamily, ipFamilies, type LoadBalancerStatus, type NLBPortPool } from '../api/pool.ts';
import type { NLBPort, Target } from '../api/port.ts';

/** The family of an address as Kubernetes writes it. */
export function familyOf(ip: string): IpFamily {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}

/** The family that a port's targets need of their target group; undefined where it has none. */
export function wantedFamily({ spec }: NLBPort): IpFamily | undefined {
  const [first] = spec.targets ?? [];
  return first && familyOf(first.ip);
}

/**
 * Whether the port's target group takes addresses of the other family than its targets have. A target group takes one
 * family, for good (AWS): it has to be made anew, with the listener that sends to it.
 */
export function needsOtherFamily(port: NLBPort): boolean {
  const wanted = wantedFamily(port);
  const { targetGroupArn, ipFamily = 'IPv4' } = port.status ?? {};
  return targetGroupArn !== undefined && wanted !== undefined && wanted !== ipFamily;
}

/** The families that target groups of a load balancer may have, the pool's own first. */
export function familiesOf(pool: NLBPortPool, loadBalancer: LoadBalancerStatus | undefined): IpFamily[] {
  const own = pool.spec.targets.ipFamily;
  const all = [own, ...ipFamilies.filter(family => family !== own)];
  return all.filter(family => family === 'IPv4' || loadBalancer?.ipv6 === true);
}

/**
 * The address of a pod that a port sends to: what it sends to already, whatever is known of its load balancer by now, else
 * one of the first family that the pod has. Undefined where it has an address, and none of them will do.
 */
export function chooseAddress(
  ips: readonly string[],
  families: readonly IpFamily[],
  now: readonly Target[],
): string | undefined {
  const kept = ips.find(ip => now.some(target => target.ip === ip));
  return kept ?? families.flatMap(family => ips.find(ip => familyOf(ip) === family) ?? [])[0];
}

/**
 * Why AWS makes no listener of the protocol on a load balancer, whatever family its targets have: a dualstack one has to
 * translate for UDP between the families (ELB API Reference). Undefined where it does.
 */
export function whyNoListener(
  { arn, dualStack, prefixForIpv6 }: { arn: string; dualStack: boolean; prefixForIpv6: boolean },
  protocol: Protocol,
): CodedError | undefined {
  if (protocol === 'TCP' || !dualStack || prefixForIpv6) return undefined;
  const message = `Cannot use load balancer ${arn} for ${protocol}: it is dualstack, and its EnablePrefixForIpv6SourceNat is off, on wanted`;
  return codedError('SourceNatPrefixOff', message);
}

/** Why addresses of IPv6 alone can't be served, as the end of a message. */
export function whyNoIpv6({ spec }: NLBPortPool): string {
  return spec.protocol === 'TCP'
    ? 'a load balancer with IpAddressType dualstack wanted'
    : 'a load balancer with IpAddressType dualstack and EnablePrefixForIpv6SourceNat on wanted';
}
