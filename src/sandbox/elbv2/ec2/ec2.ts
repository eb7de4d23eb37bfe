import { AwsError } from '../aws-error.ts';
import type { Input } from '../input.ts';
import type { World } from '../world.ts';
import type { XmlObject } from '../xml.ts';
import { ec2SuccessXml } from './ec2-xml.ts';
import { filtered } from './filters.ts';
import { networkInterfaces } from './network-interfaces.ts';
import { ec2Page } from './page.ts';
import { securityGroups } from './security-groups.ts';
import { namedSubnets, subnets } from './subnets.ts';
import type { Ec2Item } from './tables.ts';
import { vpcs, zones } from './vpc.ts';

/** One call of EC2's query protocol, lists read flat. */
export interface Ec2Call {
  readonly world: World;
  readonly input: Input;
  /** Actions that IAM forbids. */
  readonly denied: ReadonlySet<string>;
  readonly requestId: string;
}

/** A call that lists things: all of EC2 that clients of load balancers need. */
interface Listing {
  /** The element of the answer. */
  readonly set: string;
  /** The parameter that names single ones, by which of their fields, and the error for one that is not there. */
  readonly ids: readonly { parameter: string; filter: string; notFound: string }[];
  /** False where the answer always comes whole. */
  readonly paged: boolean;
  items(world: World, input: Input): Ec2Item[];
}

// Parameters, filters and error codes: EC2 API reference, each action's page and "Error codes" (D).
const listings: ReadonlyMap<string, Listing> = new Map(
  Object.entries<Listing>({
    DescribeSubnets: {
      set: 'subnetSet',
      ids: [{ parameter: 'SubnetId', filter: 'subnet-id', notFound: 'InvalidSubnetID.NotFound' }],
      paged: true,
      items: (world, input) => subnets(world, namedSubnets(input)),
    },
    DescribeAvailabilityZones: {
      set: 'availabilityZoneInfo',
      ids: [
        { parameter: 'ZoneName', filter: 'zone-name', notFound: 'InvalidParameterValue' },
        { parameter: 'ZoneId', filter: 'zone-id', notFound: 'InvalidParameterValue' },
      ],
      paged: false,
      items: world => zones(world),
    },
    DescribeVpcs: {
      set: 'vpcSet',
      ids: [{ parameter: 'VpcId', filter: 'vpc-id', notFound: 'InvalidVpcID.NotFound' }],
      paged: true,
      items: world => vpcs(world),
    },
    DescribeSecurityGroups: {
      set: 'securityGroupInfo',
      ids: [
        { parameter: 'GroupId', filter: 'group-id', notFound: 'InvalidGroup.NotFound' },
        { parameter: 'GroupName', filter: 'group-name', notFound: 'InvalidGroup.NotFound' },
      ],
      paged: true,
      items: (world, input) => securityGroups(world, input.texts('GroupId') ?? []),
    },
    DescribeNetworkInterfaces: {
      set: 'networkInterfaceSet',
      ids: [
        {
          parameter: 'NetworkInterfaceId',
          filter: 'network-interface-id',
          notFound: 'InvalidNetworkInterfaceID.NotFound',
        },
      ],
      paged: true,
      items: world => networkInterfaces(world),
    },
  }),
);

const apiVersion = '2016-11-15';

/** True for an action that `answerEc2` knows. */
export function isEc2Action(name: string): boolean {
  return listings.has(name);
}

/**
 * Answers what clients of load balancers ask of EC2, about the one VPC that the load balancers live in. The body of
 * the answer; raises `AwsError`.
 */
export function answerEc2(call: Ec2Call): string {
  const { world, input } = call;
  const name = input.text('Action');
  if (!name) throw new AwsError('MissingAction', 'The request is missing an action or a required parameter.');
  const version = input.text('Version');
  if (version !== apiVersion) {
    const said = (version ?? '').slice(0, 100);
    throw new AwsError('NoSuchVersion', `The requested version (${said}) of service AmazonEC2 does not exist`);
  }
  const listing = listings.get(name);
  if (!listing) {
    throw new AwsError('InvalidAction', `The action ${name.slice(0, 100)} is not valid for this web service.`);
  }
  if (call.denied.has(name))
    throw new AwsError('UnauthorizedOperation', 'You are not authorized to perform this operation.', 403);
  if (input.text('DryRun') === 'true')
    throw new AwsError('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);

  const asked = listing.ids.filter(({ parameter }) => (input.texts(parameter) ?? []).length > 0);
  let items = listing.items(world, input);
  for (const { parameter, filter, notFound } of asked) items = picked(items, input.texts(parameter)!, filter, notFound);
  const wanted = filtered(items, input.structs('Filter') ?? []);
  const { page, nextToken } = listing.paged ? ec2Page(input, wanted, asked.length > 0) : { page: wanted };
  const result: XmlObject = { [listing.set]: page.map(item => item.fields), nextToken };
  return ec2SuccessXml(name, result, call.requestId);
}

function picked(items: readonly Ec2Item[], ids: readonly string[], filter: string, notFound: string): Ec2Item[] {
  const wanted = new Set(ids);
  const found = items.filter(item => item.filters[filter]?.some(value => wanted.has(value)));
  const there = new Set(found.flatMap(item => item.filters[filter]!));
  const missing = ids.filter(id => !there.has(id));
  if (missing.length > 0) {
    const shown = missing.slice(0, 20).join(', ').slice(0, 500);
    throw new AwsError(notFound, `The ${filter.replaceAll('-', ' ')} '${shown}' does not exist`);
  }
  return found;
}
