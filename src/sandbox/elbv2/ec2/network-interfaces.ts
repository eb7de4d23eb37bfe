import { createHash } from 'node:crypto';
import type { LoadBalancer, World, Zone } from '../world.ts';
import type { XmlObject } from '../xml.ts';
import { securityGroupName } from './security-groups.ts';
import { addressInSubnet, zoneId } from './subnets.ts';
import { type Ec2Item, tagFilters, tagSet } from './tables.ts';

/**
 * The network interfaces of all load balancers, one in each of their subnets. Each is found by its description,
 * `ELB net/<name>/<id>`, as the user guide of NLBs tells to look for them (D).
 */
export function networkInterfaces(world: World): Ec2Item[] {
  const places = new Map([...world.zones.keys()].map((subnet, index) => [subnet, index]));
  return [...world.loadBalancers.values()].flatMap(balancer =>
    balancer.zones.map(zone => describeInterface(world, balancer, zone, places.get(zone.subnet)!)),
  );
}

function describeInterface(world: World, balancer: LoadBalancer, zone: Zone, place: number): Ec2Item {
  const key = createHash('sha256').update(`${balancer.arn} ${zone.subnet}`).digest('hex');
  const id = `eni-${key.slice(0, 17)}`;
  const kind = balancer.type === 'network' ? 'net' : 'app';
  const description = `ELB ${kind}/${balancer.name}/${balancer.id}`;
  const faced = balancer.scheme === 'internet-facing' && zone.address !== undefined;
  // An internal load balancer's address is the one that its clients reach; a public one stands before a private one.
  const address = faced || zone.address === undefined ? addressInSubnet(place, balancer.sequence) : zone.address;
  const association: XmlObject | undefined = faced
    ? {
        publicIp: zone.address,
        publicDnsName: '',
        ipOwnerId: zone.allocationId === undefined ? 'amazon-elb' : world.account,
        allocationId: zone.allocationId,
      }
    : undefined;
  const interfaceType = balancer.type === 'network' ? 'network_load_balancer' : 'interface';
  const groups = balancer.securityGroups;
  return {
    fields: {
      networkInterfaceId: id,
      subnetId: zone.subnet,
      vpcId: 'vpc-1',
      availabilityZone: zone.name,
      availabilityZoneId: zoneId(world, place),
      description,
      ownerId: world.account,
      requesterId: 'amazon-elb',
      requesterManaged: true,
      status: 'in-use',
      macAddress: `02:${key.slice(20, 30).match(/../g)!.join(':')}`,
      privateIpAddress: address,
      sourceDestCheck: false,
      groupSet: groups.map(groupId => ({ groupId, groupName: securityGroupName(groupId) })),
      attachment: {
        attachmentId: `ela-attach-${key.slice(30, 47)}`,
        instanceOwnerId: 'amazon-aws',
        deviceIndex: 1,
        status: 'attached',
        deleteOnTermination: false,
      },
      association,
      tagSet: tagSet({}),
      privateIpAddressesSet: [{ privateIpAddress: address, primary: true, association }],
      ipv6AddressesSet: [],
      interfaceType,
    },
    filters: {
      'network-interface-id': [id],
      'subnet-id': [zone.subnet],
      'vpc-id': ['vpc-1'],
      'availability-zone': [zone.name],
      description: [description],
      'owner-id': [world.account],
      'requester-id': ['amazon-elb'],
      'requester-managed': ['true'],
      status: ['in-use'],
      'private-ip-address': [address],
      'addresses.private-ip-address': [address],
      'association.public-ip': faced ? [zone.address!] : [],
      'addresses.association.public-ip': faced ? [zone.address!] : [],
      'group-id': groups,
      'group-name': groups.map(securityGroupName),
      'interface-type': [interfaceType],
      'attachment.status': ['attached'],
      'attachment.instance-owner-id': ['amazon-aws'],
      ...tagFilters({}),
    },
  };
}
