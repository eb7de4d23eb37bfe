import { AwsError, validationError } from '../aws-error.ts';
import type { Action, Context } from '../context.ts';
import type { Input } from '../input.ts';
import { findListener, findLoadBalancer, findTargetGroup, isVisible } from '../lookup.ts';
import { checkTagCount, readTags, tagFields } from '../tags.ts';
import type { Listener, LoadBalancer, TargetGroup, World } from '../world.ts';
import type { XmlObject } from '../xml.ts';

const named = (_: World, input: Input) => input.texts('ResourceArns') ?? ['*'];

/** Actions of tags. */
export const tagActions: Record<string, Action> = {
  AddTags: { bucket: 'mutating', resources: named, run: add },
  RemoveTags: { bucket: 'mutating', resources: named, run: remove },
  DescribeTags: { bucket: 'describe', resources: () => ['*'], run: describe },
};

type Tagged = LoadBalancer | TargetGroup | Listener;

function readResources({ world, input }: Context): Tagged[] {
  const arns = input.texts('ResourceArns') ?? [];
  if (arns.length === 0) throw validationError('At least one resource ARN must be specified');
  if (arns.length > 20) throw validationError('The maximum number of resources that can be specified is 20');
  return arns.map(arn => findTagged(world, arn));
}

/** The resource that an ARN of any kind names; raises its kind's not-found error. */
export function findTagged(world: World, arn: string): Tagged {
  if (arn.includes(':loadbalancer/')) return findLoadBalancer(world, arn);
  if (arn.includes(':targetgroup/')) return findTargetGroup(world, arn);
  if (arn.includes(':listener/')) return findListener(world, arn);
  throw validationError(`'${arn}' is not a valid resource ARN`);
}

function add(context: Context): XmlObject {
  const resources = readResources(context);
  const tags = readTags(context.input);
  if (tags.size === 0) throw validationError('At least one tag must be specified');
  for (const resource of resources) {
    const added = [...tags.keys()].filter(key => !resource.tags.has(key)).length;
    checkTagCount(resource.tags.size + added, context.settings['tags-per-resource']);
  }
  for (const resource of resources) for (const [key, value] of tags) resource.tags.set(key, value);
  return {};
}

function remove(context: Context): XmlObject {
  const resources = readResources(context);
  const keys = context.input.texts('TagKeys') ?? [];
  if (keys.length === 0) throw validationError('At least one tag key must be specified');
  for (const resource of resources) for (const key of keys) resource.tags.delete(key);
  return {};
}

function describe(context: Context): XmlObject {
  const resources = readResources(context);
  const hidden = resources.find(resource => !isVisible(context, resource));
  if (hidden) throw new AwsError(notFoundCodes[hidden.kind], 'One or more resources not found');
  return { TagDescriptions: resources.map(({ arn, tags }) => ({ ResourceArn: arn, Tags: tagFields(tags) })) };
}

const notFoundCodes = {
  'load-balancer': 'LoadBalancerNotFound',
  'target-group': 'TargetGroupNotFound',
  listener: 'ListenerNotFound',
} as const;
