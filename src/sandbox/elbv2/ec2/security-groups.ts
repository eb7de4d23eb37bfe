import type { World } from '../world.ts';
import type { XmlObject } from '../xml.ts';
import { type Ec2Item, tagFilters, tagSet } from './tables.ts';

/** The VPC's security groups: `sg-1` is its default one; any other exists as soon as it is named. */
export function securityGroups(world: World, named: readonly string[]): Ec2Item[] {
  const ids = new Set(['sg-1']);
  for (const balancer of world.loadBalancers.values()) for (const id of balancer.securityGroups) ids.add(id);
  for (const id of named) if (/^sg-[A-Za-z0-9-]{1,60}$/.test(id)) ids.add(id);
  return [...ids].map(id => describeGroup(world, id));
}

/** The name of a security group. */
export function securityGroupName(id: string): string {
  return id === 'sg-1' ? 'default' : `group-${id}`;
}

// The emulator lets everything through, so that is what the rules say.
const everything: XmlObject[] = [
  { ipProtocol: '-1', groups: [], ipRanges: [{ cidrIp: '0.0.0.0/0' }], ipv6Ranges: [], prefixListIds: [] },
];

function describeGroup(world: World, id: string): Ec2Item {
  const tags = { Name: securityGroupName(id) };
  const description = id === 'sg-1' ? 'default VPC security group' : `Security group ${id}`;
  return {
    fields: {
      groupId: id,
      groupName: securityGroupName(id),
      groupDescription: description,
      securityGroupArn: `arn:${world.partition}:ec2:${world.region}:${world.account}:security-group/${id}`,
      ownerId: world.account,
      vpcId: 'vpc-1',
      ipPermissions: everything,
      ipPermissionsEgress: everything,
      tagSet: tagSet(tags),
    },
    filters: {
      'group-id': [id],
      'group-name': [securityGroupName(id)],
      description: [description],
      'owner-id': [world.account],
      'vpc-id': ['vpc-1'],
      'ip-permission.protocol': ['-1'],
      'ip-permission.cidr': ['0.0.0.0/0'],
      'egress.ip-permission.protocol': ['-1'],
      'egress.ip-permission.cidr': ['0.0.0.0/0'],
      ...tagFilters(tags),
    },
  };
}
