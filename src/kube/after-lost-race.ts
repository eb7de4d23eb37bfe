import type { KubeClient } from './client.ts';
import { getIfThere } from './get-if-there.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';

/**
 * The live object after a write of `known` was refused, or got no answer; undefined where it is gone. Throws the write's
 * `error` where nobody has written since: then no race was lost, and to ask again at once would end the same way, so that
 * the queue has to back off.
 */
export async function afterLostRace<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  { metadata: { namespace, name, uid, resourceVersion } }: T,
  error: unknown,
): Promise<T | undefined> {
  const live = await getIfThere(client, resource, { ...(namespace === undefined ? {} : { namespace }), name });
  if (live?.metadata.uid === uid && live?.metadata.resourceVersion === resourceVersion) throw error;
  return live;
}
