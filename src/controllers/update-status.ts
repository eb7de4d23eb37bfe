import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isNotFound, isOutcomeUnknown } from '../kube/kube-error.ts';
import type { KubeObject } from '../kube/objects.ts';
import type { Resource } from '../kube/resource.ts';

/** An object with a status subresource that one loop owns. */
export type WithStatus<S> = KubeObject & { status?: S };

export interface UpdateStatusDeps<T extends KubeObject> {
  client: KubeClient;
  resource: Resource<T>;
  informer: Pick<Informer<T>, 'get' | 'put'>;
}

export interface UpdateOptions {
  /** Writes though nothing changes, as that fails where the known object is not the newest. @default false */
  always?: boolean;
}

/** More than any storm of writers has needed; each try begins with a live read, so a try lost is a real change. */
const maxTries = 8;

/**
 * Changes an object's status by compare-and-swap: `mutate` gets the newest object that is known and says what the status
 * is to be, or `undefined` where the reason to write has gone. After a conflict, or when no answer came, it is asked
 * again about the live object. Resolves to the object as written, or to `undefined` where nothing was to be written any more.
 */
export async function updateStatus<S, T extends WithStatus<S>>(
  deps: UpdateStatusDeps<T>,
  object: T,
  mutate: (current: T) => S | undefined,
  { always = false }: UpdateOptions = {},
): Promise<T | undefined> {
  const { client, resource, informer } = deps;
  const { name } = object.metadata;
  let current = informer.get(name) ?? object;
  for (let tries = 1; ; tries++) {
    const status = mutate(current);
    if (status === undefined) return undefined;
    if (!always && isDeepStrictEqual(plain(status), plain(current.status))) return current;
    try {
      const written = await client.update(resource, { ...current, status }, { subresource: 'status' });
      informer.put(written);
      return written;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (tries >= maxTries || !(isConflict(error) || isOutcomeUnknown(error))) throw error;
    }
    try {
      current = await client.get(resource, { name });
      informer.put(current);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (current.metadata.uid !== object.metadata.uid) return undefined;
  }
}

/** Without the keys that hold undefined: what would go over the wire. */
function plain(value: unknown): unknown {
  return value === undefined ? {} : JSON.parse(JSON.stringify(value));
}
