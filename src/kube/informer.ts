import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { createObjectCache, type Indexes } from './object-cache.ts';
import type { KubeObject } from './objects.ts';
import { createReflector, type ReflectorTiming } from './reflector.ts';
import type { Resource } from './resource.ts';
import type { KubeTransport } from './transport.ts';

/** One change of the cache, in the order in which it became known. */
export interface Change<T> {
  key: string;
  /** Undefined when the object is gone. */
  object: T | undefined;
  /** Undefined when the object is new. */
  previous: T | undefined;
}

/** Reads the local copy; everything in it is frozen and may be older than the API server's. */
export interface Cache<T> {
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects for which the index function gave `value`. */
  by(index: string, value: string): readonly T[];
}

/** Keeps a local copy of a selection of objects by WatchList, bookmarks and reconnects. */
export interface Informer<T extends KubeObject> extends Cache<T> {
  /** True once the first complete state has arrived; never false again. */
  readonly synced: boolean;
  /** Calls `handler` after every change; the initial state comes as changes too. */
  onChange(handler: (change: Change<T>) => void): void;
  /** Puts a write's answer into the cache at once, unless the cache holds a newer one or has seen it deleted. */
  put(object: T): void;
  /** Starts following; resolves when synced; stops on `signal`. */
  start(signal: AbortSignal): Promise<void>;
}

export interface InformerOptions<T extends KubeObject> {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
  resource: Resource<T>;
  /** Which objects; all of the kind where it is left out. */
  select?: InformerSelection;
  /** Gives the smaller object that is kept. `managedFields` are always left out. */
  trim?: (object: T) => T;
  /** Values by which `by` finds objects, under the index's name. */
  indexes?: Indexes<T>;
  timing?: Partial<ReflectorTiming>;
}

export interface InformerSelection {
  labelSelector?: string;
  fieldSelector?: string;
  /** Each followed by a watch of its own, into one cache; all namespaces where it is empty or left out. */
  namespaces?: readonly string[];
}

const defaultTiming: ReflectorTiming = {
  // Bookmarks come every minute, give or take a few seconds.
  idleMs: 75_000,
  reconnectMinMs: 200,
  // Rooms wait as long as this after an API server has come back.
  reconnectMaxMs: 5_000,
  listTimeoutMs: 30_000,
  // 5 to 10 minutes, as in client-go.
  watchMinMs: 300_000,
};

/**
 * Makes an informer. It begins to follow with `start`, which never rejects: an API server that can't be reached is
 * tried again for as long as `signal` lasts. A change of the same name to another uid comes as two: gone, then new.
 */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { transport, clock, random, log, resource, select = {}, trim, indexes } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const cache = createObjectCache<T>({ trim, indexes, log });
  const namespaces = resource.namespaced && select.namespaces?.length ? [...new Set(select.namespaces)] : [undefined];
  const unsynced = new Set<string | undefined>(namespaces);
  const whenSynced = Promise.withResolvers<void>();
  let started = false;

  const reflectors = new Map(
    namespaces.map(namespace => [
      namespace,
      createReflector<T>(
        { transport, clock, random, log, cache },
        {
          resource,
          namespace,
          labelSelector: select.labelSelector || undefined,
          fieldSelector: select.fieldSelector || undefined,
          timing,
          onSynced() {
            unsynced.delete(namespace);
            if (unsynced.size === 0) whenSynced.resolve();
          },
        },
      ),
    ]),
  );

  return {
    get: cache.get,
    list: cache.list,
    by: cache.by,
    onChange: cache.onChange,
    get synced() {
      return unsynced.size === 0;
    },
    put(object) {
      const reflector = reflectors.get(undefined) ?? reflectors.get(object.metadata.namespace);
      // An object of a namespace that is not followed would never be taken out again.
      if (reflector) cache.put(object, reflector.heardUpTo);
    },
    async start(signal) {
      if (started) throw new Error(`The informer of ${resource.plural} was started already.`);
      started = true;
      for (const reflector of reflectors.values()) void reflector.run(signal);
      // Aborted before it was synced, it resolves as well: `synced` says which.
      const aborted = Promise.withResolvers<void>();
      if (signal.aborted) aborted.resolve();
      const onAbort = () => aborted.resolve();
      signal.addEventListener('abort', onAbort, { once: true });
      await Promise.race([whenSynced.promise, aborted.promise]);
      signal.removeEventListener('abort', onAbort);
    },
  };
}
