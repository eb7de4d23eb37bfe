import { clusterTag, poolTag, portTag } from '../api/names.ts';
import { AwsError } from './aws-error.ts';
import type { CallOptions, Elbv2Api } from './elbv2-api.ts';
import { isNotFound } from './error-sets.ts';

/** AWS tags as the SDK writes them. */
export type TagList = { Key: string; Value: string }[];

/** What is put on a target group or listener when it is made: the pool's own tags, then whose it is. */
export function ownerTags(
  clusterId: string,
  owner: { portName: string; pool: string; tags: Record<string, string> },
): TagList {
  const tags = { ...owner.tags, [clusterTag]: clusterId, [portTag]: owner.portName, [poolTag]: owner.pool };
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The name of the NLBPort that owns a resource with these tags; undefined where it is not this cluster's. */
export function ownerOf(clusterId: string, tags: ReadonlyMap<string, string>): string | undefined {
  return tags.get(clusterTag) === clusterId ? tags.get(portTag) : undefined;
}

/** DescribeTags takes this many ARNs (ELB API Reference). */
const arnsPerCall = 20;

/**
 * The tags of each resource. One that is gone is left out of the answer; AWS fails the whole call for it, so the rest
 * is then asked again in halves.
 */
export async function describeTags(
  api: Elbv2Api,
  arns: readonly string[],
  options: CallOptions,
): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();

  async function ask(some: readonly string[]): Promise<void> {
    if (some.length === 0) return;
    try {
      const { TagDescriptions } = await api.call('DescribeTags', { ResourceArns: [...some] }, options);
      for (const { ResourceArn, Tags } of TagDescriptions ?? []) {
        if (ResourceArn) found.set(ResourceArn, new Map((Tags ?? []).map(tag => [tag.Key ?? '', tag.Value ?? ''])));
      }
    } catch (error) {
      if (!(error instanceof AwsError && isNotFound(error))) throw error;
      if (some.length === 1) return;
      const half = some.length >> 1;
      await ask(some.slice(0, half));
      await ask(some.slice(half));
    }
  }

  for (let from = 0; from < arns.length; from += arnsPerCall) await ask(arns.slice(from, from + arnsPerCall));
  return found;
}
