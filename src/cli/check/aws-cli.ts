import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { SecurityGroup } from './missing-openings.ts';
import type { CheckedLoadBalancer } from './openings.ts';

/** The three calls of the check; none changes anything. */
export interface AwsLooks {
  loadBalancers(arns: readonly string[]): Promise<CheckedLoadBalancer[]>;
  securityGroups(ids: readonly string[]): Promise<SecurityGroup[]>;
}

/** What a role needs for the check alone. The operator's own policy has none of EC2. */
export const checkActions = [
  'elasticloadbalancing:DescribeLoadBalancers',
  'ec2:DescribeSecurityGroups',
  'ec2:DescribeSubnets',
] as const;

/** AWS could not be asked; the message is for people. */
export class AwsCliError extends Error {
  override readonly name = 'AwsCliError';
}

/**
 * Looks by the AWS CLI, under the credentials and the region of whoever runs it: the client of EC2 for JavaScript is
 * larger than all of the product, and whoever opens ports has the CLI.
 */
export function awsCli(region: string | undefined): AwsLooks {
  async function ask<T>(...args: string[]): Promise<T> {
    const place = region === undefined ? [] : ['--region', region];
    try {
      const asked = [...args, ...place, '--output', 'json'];
      const { stdout } = await promisify(execFile)('aws', asked, { maxBuffer: 64 * 1024 * 1024 });
      return JSON.parse(stdout) as T;
    } catch (error) {
      const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
      if (code === 'ENOENT') throw new AwsCliError('the AWS CLI (aws) is not on the PATH');
      throw new AwsCliError(`aws ${args.slice(0, 2).join(' ')}: ${stderr?.trim() || message}`);
    }
  }

  return {
    async loadBalancers(arns) {
      const { LoadBalancers } = await ask<{ LoadBalancers: FoundLoadBalancer[] }>(
        ...['elbv2', 'describe-load-balancers', '--load-balancer-arns', ...arns],
      );
      const subnets = [
        ...new Set(LoadBalancers.flatMap(({ AvailabilityZones = [] }) => AvailabilityZones.map(zone => zone.SubnetId))),
      ];
      const { Subnets } = await ask<{ Subnets: { SubnetId: string; CidrBlock: string }[] }>(
        ...['ec2', 'describe-subnets', '--subnet-ids', ...subnets],
      );
      const cidrOf = new Map(Subnets.map(({ SubnetId, CidrBlock }) => [SubnetId, CidrBlock]));
      return LoadBalancers.map(
        ({ LoadBalancerArn, LoadBalancerName, SecurityGroups = [], AvailabilityZones = [] }) => ({
          arn: LoadBalancerArn,
          name: LoadBalancerName,
          groups: SecurityGroups,
          subnetCidrs: AvailabilityZones.flatMap(zone => cidrOf.get(zone.SubnetId) ?? []),
        }),
      );
    },
    async securityGroups(ids) {
      if (ids.length === 0) return [];
      const found = await ask<{ SecurityGroups: SecurityGroup[] }>(
        'ec2',
        'describe-security-groups',
        '--group-ids',
        ...ids,
      );
      return found.SecurityGroups;
    },
  };
}

interface FoundLoadBalancer {
  LoadBalancerArn: string;
  LoadBalancerName: string;
  SecurityGroups?: string[];
  AvailabilityZones?: { SubnetId: string }[];
}
