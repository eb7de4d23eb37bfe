import { AwsError } from '../aws-error.ts';
import type { Input } from '../input.ts';
import { isSubnetId, zoneOfSubnet } from '../subnet-zones.ts';
import type { World } from '../world.ts';
import { type Ec2Item, tagFilters, tagSet } from './tables.ts';

// A region has at least three zones nearly everywhere, so the VPC shows as many subnets before anybody named one.
const alwaysThere = ['subnet-1', 'subnet-2', 'subnet-3'];
// Amazon VPC quotas: subnets per VPC (D). Asking makes no more, so that a stranger's questions can't fill the memory.
const maxSubnets = 200;
// A subnet of /20: 4,096 addresses, of which AWS keeps five (D).
const subnetSize = 4096;
const addressesKept = 5;

/** The subnets that a call names, as parameters or by a filter: any id is one of the VPC's. */
export function namedSubnets(input: Input): string[] {
  const byFilter = (input.structs('Filter') ?? [])
    .filter(filter => filter.text('Name') === 'subnet-id')
    .flatMap(filter => (filter.texts('Value') ?? []).filter(value => value.startsWith('subnet-')));
  return [...(input.texts('SubnetId') ?? []), ...byFilter];
}

/** The subnets of the VPC: three, those that load balancers were put in, and those that are `named` now. */
export function subnets(world: World, named: readonly string[] = []): Ec2Item[] {
  for (const subnet of new Set([...alwaysThere, ...named.filter(isSubnetId)])) {
    if (world.zones.has(subnet)) continue;
    if (world.zones.size >= maxSubnets)
      throw new AwsError('InvalidSubnetID.NotFound', `The subnet ID '${subnet}' does not exist`);
    zoneOfSubnet(world, subnet);
  }
  return [...world.zones].map(([subnet, zone], index) => describeSubnet(world, subnet, zone, index));
}

/** The network of the subnet with this number, as `10.0.16.0/20`. */
export function subnetCidr(index: number): string {
  return `${subnetAddress(index, 0)}/20`;
}

/** An address of the subnet with this number: never one of those that AWS keeps, and the same for the same `host`. */
export function addressInSubnet(index: number, host: number): string {
  return subnetAddress(index, addressesKept - 1 + (host % (subnetSize - addressesKept)));
}

/** The id of a zone, as `use1-az1` (D), by the place of its subnet in the VPC. */
export function zoneId(world: World, index: number): string {
  const [area = '', ...words] = world.region.split('-');
  const short = words.map(word => word.replace(/^(north|south)(east|west)$/, '$1 $2').replace(/(\w)\w*\s*/g, initial));
  return `${area}${short.join('')}-az${index + 1}`;
}

function initial(word: string, first: string): string {
  return /^\d/.test(word) ? word : first;
}

function subnetAddress(index: number, host: number): string {
  const offset = index * subnetSize + host;
  return `10.${offset >> 16}.${(offset >> 8) & 255}.${offset & 255}`;
}

function describeSubnet(world: World, subnet: string, zone: string, index: number): Ec2Item {
  // What cluster tools put on subnets so that controllers find them.
  const tags = { Name: subnet, 'kubernetes.io/role/elb': '1', 'kubernetes.io/role/internal-elb': '1' };
  let taken = 0;
  for (const balancer of world.loadBalancers.values()) if (balancer.zones.some(each => each.subnet === subnet)) taken++;
  const cidr = subnetCidr(index);
  const free = String(subnetSize - addressesKept - taken);
  return {
    fields: {
      subnetId: subnet,
      subnetArn: `arn:${world.partition}:ec2:${world.region}:${world.account}:subnet/${subnet}`,
      state: 'available',
      ownerId: world.account,
      vpcId: 'vpc-1',
      cidrBlock: cidr,
      ipv6CidrBlockAssociationSet: [],
      availableIpAddressCount: free,
      availabilityZone: zone,
      availabilityZoneId: zoneId(world, index),
      defaultForAz: false,
      mapPublicIpOnLaunch: false,
      assignIpv6AddressOnCreation: false,
      mapCustomerOwnedIpOnLaunch: false,
      enableDns64: false,
      ipv6Native: false,
      tagSet: tagSet(tags),
    },
    filters: {
      'subnet-id': [subnet],
      'vpc-id': ['vpc-1'],
      state: ['available'],
      'owner-id': [world.account],
      'availability-zone': [zone],
      availabilityZone: [zone],
      'availability-zone-id': [zoneId(world, index)],
      cidr: [cidr],
      cidrBlock: [cidr],
      'cidr-block': [cidr],
      'default-for-az': ['false'],
      'available-ip-address-count': [free],
      ...tagFilters(tags),
    },
  };
}
