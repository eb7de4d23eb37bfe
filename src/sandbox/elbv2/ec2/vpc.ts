import type { World } from '../world.ts';
import { subnets, zoneId } from './subnets.ts';
import { type Ec2Item, tagFilters, tagSet } from './tables.ts';

// Subnets of /20 in a network of /16.
const subnetsPerNetwork = 16;

/** The zones of the region: one for each subnet. */
export function zones(world: World): Ec2Item[] {
  subnets(world);
  return [...world.zones.values()].map((zone, index) => {
    const id = zoneId(world, index);
    const border = world.region;
    return {
      fields: {
        zoneName: zone,
        zoneId: id,
        zoneState: 'available',
        zoneType: 'availability-zone',
        optInStatus: 'opt-in-not-required',
        regionName: world.region,
        groupName: border,
        networkBorderGroup: border,
        messageSet: [],
      },
      filters: {
        'zone-name': [zone],
        'zone-id': [id],
        state: ['available'],
        'zone-type': ['availability-zone'],
        'region-name': [world.region],
        'group-name': [border],
        'opt-in-status': ['opt-in-not-required'],
        message: [],
      },
    };
  });
}

/** The one VPC. It has as many networks as its subnets need. */
export function vpcs(world: World): Ec2Item[] {
  subnets(world);
  const tags = { Name: 'vpc-1' };
  const networks = Math.ceil(world.zones.size / subnetsPerNetwork);
  const blocks = Array.from({ length: networks }, (_, n) => `10.${n}.0.0/16`);
  return [
    {
      fields: {
        vpcId: 'vpc-1',
        ownerId: world.account,
        state: 'available',
        cidrBlock: blocks[0],
        cidrBlockAssociationSet: blocks.map((cidrBlock, n) => ({
          cidrBlock,
          associationId: `vpc-cidr-assoc-${n + 1}`,
          cidrBlockState: { state: 'associated' },
        })),
        dhcpOptionsId: 'default',
        instanceTenancy: 'default',
        isDefault: false,
        tagSet: tagSet(tags),
      },
      filters: {
        'vpc-id': ['vpc-1'],
        'owner-id': [world.account],
        state: ['available'],
        cidr: blocks.slice(0, 1),
        'cidr-block-association.cidr-block': blocks,
        'cidr-block-association.state': ['associated'],
        'dhcp-options-id': ['default'],
        'is-default': ['false'],
        isDefault: ['false'],
        ...tagFilters(tags),
      },
    },
  ];
}
