import type { KubeClient } from './client.ts';
import { isNotFound } from './kube-error.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';

/** The live object; undefined where there is none of the name. Throws what else the API server answers. */
export async function getIfThere<T extends KubeObject>(
  client: Pick<KubeClient, 'get'>,
  resource: Resource<T>,
  key: Parameters<KubeClient['get']>[1],
): Promise<T | undefined> {
  try {
    return await client.get(resource, key);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
