import { checkArn } from './arn.ts';
import { AwsError } from './aws-error.ts';
import type { Context } from './context.ts';
import type { Listener, LoadBalancer, Resource, TargetGroup, World } from './world.ts';

/** The load balancer that a parameter names; raises `LoadBalancerNotFound`. */
export function findLoadBalancer(world: World, arn: string): LoadBalancer {
  const found = world.loadBalancers.get(checkArn('load balancer', arn));
  if (!found) throw new AwsError('LoadBalancerNotFound', `Load balancer '${arn}' not found`);
  return found;
}

/** The target group that a parameter names; raises `TargetGroupNotFound`. */
export function findTargetGroup(world: World, arn: string): TargetGroup {
  const found = world.targetGroups.get(checkArn('target group', arn));
  if (!found) throw new AwsError('TargetGroupNotFound', `Target group '${arn}' not found`);
  return found;
}

/** The listener that a parameter names; raises `ListenerNotFound`. */
export function findListener(world: World, arn: string): Listener {
  const found = world.listeners.get(checkArn('listener', arn));
  if (!found) throw new AwsError('ListenerNotFound', `Listener '${arn}' not found`);
  return found;
}

/** True where describes already show it. */
export function isVisible(context: Context, resource: Resource): boolean {
  return resource.visibleMs <= context.clock.monotonicMs();
}

/** One page of a listing. */
export interface Page<R> {
  readonly items: R[];
  readonly nextMarker: string | undefined;
}

/** Cuts a page out of everything that `all` yields, which must be in order of creation. */
export function page<R extends Resource>(context: Context, all: Iterable<R>): Page<R> {
  const asked = context.input.integer('PageSize', { min: 1, max: 400 }) ?? 400;
  const size = Math.min(asked, context.settings['page-size']);
  const after = readMarker(context.input.text('Marker'));
  const items: R[] = [];
  for (const item of all) {
    if (item.sequence <= after || !isVisible(context, item)) continue;
    if (items.length === size) return { items, nextMarker: writeMarker(items[size - 1]!.sequence) };
    items.push(item);
  }
  return { items, nextMarker: undefined };
}

function writeMarker(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString('base64url');
}

/** Reads a marker of `page`; 0 where none is given. */
export function readMarker(marker: string | undefined): number {
  if (marker === undefined || marker === '') return 0;
  const match = /^after:(\d{1,15})$/.exec(Buffer.from(marker, 'base64url').toString());
  if (!match) throw new AwsError('ValidationError', 'The specified marker is not valid');
  return Number(match[1]);
}
