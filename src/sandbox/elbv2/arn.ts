import { validationError } from './aws-error.ts';
import type { World } from './world.ts';

/** `aws`, or the partition that a region of China or GovCloud lies in. */
export function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

/** What this account's ARNs in this region begin with, up to and including the colon before the resource. */
export function arnPrefix(world: Pick<World, 'partition' | 'region' | 'account'>): string {
  return `arn:${world.partition}:elasticloadbalancing:${world.region}:${world.account}:`;
}

const shapes = {
  'load balancer':
    /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer\/(?:net|app|gwy)\/[^/]+\/[^/]+$/,
  'target group': /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:targetgroup\/[^/]+\/[^/]+$/,
  listener: /^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener\/(?:net|app|gwy)\/[^/]+\/[^/]+\/[^/]+$/,
} as const;

/** Raises a validation error where `arn` can't name such a resource. */
export function checkArn(kind: keyof typeof shapes, arn: string): string {
  if (!shapes[kind].test(arn)) throw validationError(`'${arn}' is not a valid ${kind} ARN`);
  return arn;
}
