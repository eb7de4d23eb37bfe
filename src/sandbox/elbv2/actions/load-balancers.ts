import { randomHex, randomInt } from '../../../runtime/random.ts';
import { arnPrefix, checkArn } from '../arn.ts';
import { loadBalancerAttributes } from '../attributes.ts';
import { AwsError, validationError } from '../aws-error.ts';
import type { Action, Context } from '../context.ts';
import type { Input } from '../input.ts';
import { findLoadBalancer, isVisible, page } from '../lookup.ts';
import { isSubnetId, zoneOfSubnet } from '../subnet-zones.ts';
import { checkTagCount, readTags } from '../tags.ts';
import type { LoadBalancer, World, Zone } from '../world.ts';
import type { XmlObject } from '../xml.ts';
import { removeListener } from './listeners.ts';

const named = (_: World, input: Input) => [input.text('LoadBalancerArn') ?? '*'];
const all = () => ['*'];

/** Actions of load balancers. */
export const loadBalancerActions: Record<string, Action> = {
  CreateLoadBalancer: {
    bucket: 'slow',
    resources: (world, input) => [
      `${arnPrefix(world)}loadbalancer/${input.text('Type') === 'network' ? 'net' : 'app'}/${input.text('Name') ?? ''}/*`,
    ],
    run: create,
  },
  DescribeLoadBalancers: { bucket: 'describe', resources: all, run: describe },
  DeleteLoadBalancer: { bucket: 'mutating', resources: named, run: remove },
  DescribeLoadBalancerAttributes: {
    bucket: 'describe',
    resources: all,
    run: ({ world, input }) => ({
      Attributes: loadBalancerAttributes.all(findLoadBalancer(world, input.requiredText('LoadBalancerArn'))),
    }),
  },
  ModifyLoadBalancerAttributes: {
    bucket: 'mutating',
    resources: named,
    run: ({ world, input }) => ({
      Attributes: loadBalancerAttributes.modify(findLoadBalancer(world, input.requiredText('LoadBalancerArn')), input),
    }),
  },
  SetSubnets: { bucket: 'slow', resources: named, run: setSubnets },
  SetSecurityGroups: { bucket: 'mutating', resources: named, run: setSecurityGroups },
  SetIpAddressType: { bucket: 'mutating', resources: named, run: setIpAddressType },
};

const ipAddressTypes = ['ipv4', 'dualstack', 'dualstack-without-public-ipv4'] as const;

function create(context: Context): XmlObject {
  const { world, input, settings } = context;
  const name = input.requiredText('Name');
  if (!/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name) || name.startsWith('internal-')) {
    throw validationError(
      `The load balancer name '${name}' can have at most 32 letters, digits and hyphens, no hyphen first or last, and must not begin with 'internal-'`,
    );
  }
  const type = input.choice('Type', ['application', 'network', 'gateway']) ?? 'application';
  if (type === 'gateway')
    throw new AwsError('InvalidConfigurationRequest', 'The emulator has no load balancers of type gateway');
  const scheme = input.choice('Scheme', ['internet-facing', 'internal']) ?? 'internet-facing';
  const ipAddressType = input.choice('IpAddressType', ipAddressTypes) ?? 'ipv4';
  if (ipAddressType === 'dualstack-without-public-ipv4' && type === 'network') {
    throw new AwsError(
      'InvalidConfigurationRequest',
      "The IP address type 'dualstack-without-public-ipv4' is not supported for Network Load Balancers",
    );
  }
  const prefix = input.choice('EnablePrefixForIpv6SourceNat', ['on', 'off']) ?? 'off';
  const mappings = readSubnets(input);
  const securityGroups = input.texts('SecurityGroups') ?? [];
  const tags = readTags(input);
  const request = JSON.stringify([type, scheme, ipAddressType, prefix, mappings, [...securityGroups].sort()]);

  const existing = world.loadBalancersByName.get(name);
  if (existing) {
    if (existing.request === request) return { LoadBalancers: [fields(context, existing)] };
    throw new AwsError(
      'DuplicateLoadBalancerName',
      `A load balancer with the same name '${name}' exists, but with different settings`,
    );
  }
  checkTagCount(tags.size, settings['tags-per-resource']);
  let ofThisType = 0;
  for (const other of world.loadBalancers.values()) if (other.type === type) ofThisType++;
  if (ofThisType >= settings['load-balancers']) {
    throw new AwsError(
      'TooManyLoadBalancers',
      `The maximum number of load balancers has been reached: ${settings['load-balancers']}`,
    );
  }

  const id = randomHex(context.random, 16);
  const monotonicMs = context.clock.monotonicMs();
  const loadBalancer: LoadBalancer = {
    kind: 'load-balancer',
    arn: `${arnPrefix(world)}loadbalancer/${type === 'network' ? 'net' : 'app'}/${name}/${id}`,
    sequence: ++world.sequence,
    createdMs: context.clock.nowMs(),
    visibleMs: monotonicMs + context.draw(settings['stale-read-delay']),
    tags,
    attributes: new Map(),
    name,
    id,
    type,
    scheme,
    dnsName: dnsName(context, { name, id, type, scheme }),
    activeMs: monotonicMs + context.draw(settings['provisioning-delay']),
    request,
    ipAddressType,
    prefixForIpv6SourceNat: prefix,
    zones: zonesOf(context, type, mappings, []),
    securityGroups,
    enforceInboundRules: 'on',
    listeners: new Map(),
  };
  world.loadBalancers.set(loadBalancer.arn, loadBalancer);
  world.loadBalancersByName.set(name, loadBalancer);
  return { LoadBalancers: [fields(context, loadBalancer)] };
}

interface SubnetMapping {
  subnet: string;
  allocationId?: string;
}

function readSubnets(input: Input): SubnetMapping[] {
  const subnets = input.texts('Subnets');
  const mappings = input.structs('SubnetMappings');
  if (subnets?.length && mappings?.length)
    throw validationError('You can specify either subnets or subnet mappings, not both');
  const found: SubnetMapping[] = mappings?.length
    ? mappings.map(mapping => {
        const allocationId = mapping.text('AllocationId');
        return { subnet: mapping.requiredText('SubnetId'), ...(allocationId === undefined ? {} : { allocationId }) };
      })
    : (subnets ?? []).map(subnet => ({ subnet }));
  if (found.length === 0) throw validationError('At least one subnet must be specified');
  const names = new Set(found.map(({ subnet }) => subnet));
  if (names.size !== found.length)
    throw new AwsError(
      'InvalidSubnet',
      'A load balancer cannot be attached to multiple subnets in the same Availability Zone',
    );
  for (const name of names) {
    if (!isSubnetId(name)) throw new AwsError('InvalidSubnet', `The subnet ID '${name.slice(0, 80)}' is not valid`);
  }
  return found.sort((a, b) => (a.subnet < b.subnet ? -1 : 1));
}

/** Keeps the address of a zone that was there before, as AWS does. */
function zonesOf(context: Context, type: string, mappings: readonly SubnetMapping[], before: readonly Zone[]): Zone[] {
  return mappings.map(({ subnet, allocationId }) => ({
    subnet,
    name: zoneOfSubnet(context.world, subnet),
    address:
      type === 'network'
        ? (before.find(zone => zone.subnet === subnet)?.address ?? context.addresses.take())
        : undefined,
    ...(allocationId === undefined ? {} : { allocationId }),
  }));
}

function dnsName(context: Context, of: Pick<LoadBalancer, 'name' | 'id' | 'type' | 'scheme'>): string {
  const { region, partition } = context.world;
  const domain = partition === 'aws-cn' ? 'amazonaws.com.cn' : 'amazonaws.com';
  if (of.type === 'network') return `${of.name}-${of.id}.elb.${region}.${domain}`;
  return `${of.scheme === 'internal' ? 'internal-' : ''}${of.name}-${randomInt(context.random, 1e8, 2e9)}.${region}.elb.${domain}`;
}

function describe(context: Context): XmlObject {
  const { world, input } = context;
  const arns = input.texts('LoadBalancerArns') ?? [];
  const names = input.texts('Names') ?? [];
  if (arns.length > 0 && names.length > 0)
    throw validationError('Load balancer names and load balancer ARNs cannot be specified at the same time');
  if (arns.length > 20 || names.length > 20)
    throw validationError('The maximum number of load balancers that can be specified is 20');
  if (arns.length === 0 && names.length === 0) {
    const { items, nextMarker } = page(context, world.loadBalancers.values());
    return { LoadBalancers: items.map(item => fields(context, item)), NextMarker: nextMarker };
  }
  const found = [
    ...arns.map(arn => world.loadBalancers.get(checkArn('load balancer', arn))),
    ...names.map(name => world.loadBalancersByName.get(name)),
  ];
  const missing = found.findIndex(item => !item || !isVisible(context, item));
  if (missing >= 0) {
    throw new AwsError(
      'LoadBalancerNotFound',
      arns.length > 0 ? 'One or more load balancers not found' : `Load balancers '[${names[missing]}]' not found`,
    );
  }
  return { LoadBalancers: [...new Set(found)].map(item => fields(context, item!)) };
}

function fields(context: Context, item: LoadBalancer): XmlObject {
  return {
    LoadBalancerArn: item.arn,
    DNSName: item.dnsName,
    CanonicalHostedZoneId: hostedZones[item.type][context.world.region] ?? 'Z00000000000000000000',
    CreatedTime: new Date(item.createdMs).toISOString(),
    LoadBalancerName: item.name,
    Scheme: item.scheme,
    VpcId: 'vpc-1',
    State: { Code: item.activeMs <= context.clock.monotonicMs() ? 'active' : 'provisioning' },
    Type: item.type,
    AvailabilityZones: zoneFields(item.zones),
    SecurityGroups: item.securityGroups.length > 0 ? item.securityGroups : undefined,
    IpAddressType: item.ipAddressType,
    EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic:
      item.type === 'network' && item.securityGroups.length > 0 ? item.enforceInboundRules : undefined,
    EnablePrefixForIpv6SourceNat: item.type === 'network' ? item.prefixForIpv6SourceNat : undefined,
  };
}

function zoneFields(zones: readonly Zone[]): XmlObject[] {
  return zones.map(zone => ({
    ZoneName: zone.name,
    SubnetId: zone.subnet,
    LoadBalancerAddresses:
      zone.address === undefined ? [] : [{ IpAddress: zone.address, AllocationId: zone.allocationId }],
  }));
}

// From AWS's page "Elastic Load Balancing endpoints and quotas" (D), for the regions that examples use most.
const hostedZones: Record<LoadBalancer['type'], Record<string, string>> = {
  network: {
    'us-east-1': 'Z26RNL4JYFTOTI',
    'us-east-2': 'ZLMOA37VPKANP',
    'us-west-2': 'Z18D5FSROUN65G',
    'eu-west-1': 'Z2IFOLAFXWLO4F',
    'eu-central-1': 'Z3F0SRJ5LGBH90',
  },
  application: {
    'us-east-1': 'Z35SXDOTRQ7X7K',
    'us-east-2': 'Z3AADJGX6KTTL2',
    'us-west-2': 'Z1H1FL5HABSF5',
    'eu-west-1': 'Z32O12XQLNTSW2',
    'eu-central-1': 'Z215JYRZR1TBD5',
  },
};

async function remove(context: Context): Promise<XmlObject> {
  const { world, input } = context;
  const loadBalancer = world.loadBalancers.get(checkArn('load balancer', input.requiredText('LoadBalancerArn')));
  // "If the load balancer does not exist or has already been deleted, the call succeeds" (D).
  if (!loadBalancer) return {};
  if (loadBalancerAttributes.value(loadBalancer, 'deletion_protection.enabled') === 'true') {
    throw new AwsError(
      'OperationNotPermitted',
      `Load balancer '${loadBalancer.arn}' cannot be deleted because deletion protection is enabled`,
    );
  }
  const closing = [...loadBalancer.listeners.values()].map(listener => removeListener(context, listener));
  world.loadBalancers.delete(loadBalancer.arn);
  world.loadBalancersByName.delete(loadBalancer.name);
  await Promise.all(closing);
  for (const zone of loadBalancer.zones) if (zone.address !== undefined) context.addresses.give(zone.address);
  return {};
}

async function setSubnets(context: Context): Promise<XmlObject> {
  const { world, input } = context;
  const loadBalancer = findLoadBalancer(world, input.requiredText('LoadBalancerArn'));
  const mappings = readSubnets(input);
  const ipAddressType = input.choice('IpAddressType', ipAddressTypes);
  const prefix = input.choice('EnablePrefixForIpv6SourceNat', ['on', 'off']);
  const before = loadBalancer.zones;
  loadBalancer.zones = zonesOf(context, loadBalancer.type, mappings, before);
  if (ipAddressType !== undefined) loadBalancer.ipAddressType = ipAddressType;
  if (prefix !== undefined) loadBalancer.prefixForIpv6SourceNat = prefix;
  await Promise.all([...loadBalancer.listeners.values()].map(listener => context.plane.refresh(listener)));
  const kept = new Set(loadBalancer.zones.map(zone => zone.address));
  for (const zone of before)
    if (zone.address !== undefined && !kept.has(zone.address)) context.addresses.give(zone.address);
  return {
    AvailabilityZones: zoneFields(loadBalancer.zones),
    IpAddressType: loadBalancer.ipAddressType,
    EnablePrefixForIpv6SourceNat: loadBalancer.type === 'network' ? loadBalancer.prefixForIpv6SourceNat : undefined,
  };
}

function setSecurityGroups({ world, input }: Context): XmlObject {
  const loadBalancer = findLoadBalancer(world, input.requiredText('LoadBalancerArn'));
  const securityGroups = input.texts('SecurityGroups') ?? [];
  if (securityGroups.length === 0) throw validationError('At least one security group must be specified');
  if (loadBalancer.type === 'network' && loadBalancer.securityGroups.length === 0) {
    throw new AwsError(
      'InvalidConfigurationRequest',
      `Security groups cannot be set on load balancer '${loadBalancer.arn}', because it was created without any`,
    );
  }
  loadBalancer.securityGroups = securityGroups;
  const enforce = input.choice('EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic', ['on', 'off']);
  if (enforce !== undefined) loadBalancer.enforceInboundRules = enforce;
  return {
    SecurityGroupIds: securityGroups,
    EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic:
      loadBalancer.type === 'network' ? loadBalancer.enforceInboundRules : undefined,
  };
}

function setIpAddressType({ world, input }: Context): XmlObject {
  const loadBalancer = findLoadBalancer(world, input.requiredText('LoadBalancerArn'));
  const ipAddressType = input.choice('IpAddressType', ipAddressTypes);
  if (ipAddressType === undefined) throw validationError('An IP address type must be specified');
  loadBalancer.ipAddressType = ipAddressType;
  return { IpAddressType: ipAddressType };
}
