import type { Log } from '../runtime/log.ts';
import type { Cache, Change } from './informer.ts';
import { type KubeObject, keyOf } from './objects.ts';
import { compareResourceVersions } from './resource-version.ts';

/** Index functions by name: the values under which an object is found. */
export type Indexes<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

export interface ObjectCacheOptions<T extends KubeObject> {
  /** Made smaller on the way in. It may return the same object; it is frozen afterwards. */
  trim?: ((object: T) => T) | undefined;
  indexes?: Indexes<T> | undefined;
  log: Log;
}

/** The informer's copy: what may change it, besides what `Cache` reads. */
export interface ObjectCache<T extends KubeObject> extends Cache<T> {
  onChange(handler: (change: Change<T>) => void): void;
  /** The object as it is kept: trimmed and frozen. What is given here first is not trimmed again by the others. */
  prepare(object: T): T;
  /** Takes an object from a watch: what the server says in its own order. An older one than the cache's is dropped. */
  apply(object: T): void;
  /** Takes an object out, unless the cache holds a newer one of the same name. */
  remove(object: T): void;
  /**
   * Takes a write's answer. `knownUpTo` is the resourceVersion up to which the watch has told everything of the
   * object's scope: an object not newer than that and not in the cache is gone or not selected, and stays out.
   */
  put(object: T, knownUpTo: string | undefined): void;
  /**
   * Takes the complete state of a scope as of `resourceVersion`, as changes against what is there. Cached objects newer
   * than it stay, unless `rewound`: then the server's history went back (etcd restored), and its word alone counts.
   */
  replace(objects: readonly T[], resourceVersion: string, inScope: (object: T) => boolean, rewound: boolean): void;
}

/**
 * How many objects that left the selection are remembered, so that the answer to a write under way does not bring one
 * back. Far more than writes are in flight at once.
 */
const MAX_TOMBSTONES = 1_000;

/** Makes an empty cache. Objects are frozen through and through, and nothing is ever replaced by something older. */
export function createObjectCache<T extends KubeObject>(options: ObjectCacheOptions<T>): ObjectCache<T> {
  const objects = new Map<string, T>();
  const indexes = Object.entries(options.indexes ?? {}).map(([name, values]) => ({
    name,
    values,
    entries: new Map<string, Map<string, T>>(),
  }));
  /** Uids that the watch said are gone or no longer selected; in order of arrival. */
  const tombstones = new Set<string>();
  const handlers: ((change: Change<T>) => void)[] = [];
  const unsent: Change<T>[] = [];
  let sending = false;
  let snapshot: readonly T[] | undefined;

  /** A handler may itself put; its changes then wait their turn, so that all handlers see one order. */
  function emit(change: Change<T>): void {
    unsent.push(change);
    if (sending) return;
    sending = true;
    try {
      for (let next = unsent.shift(); next !== undefined; next = unsent.shift()) {
        for (const handler of handlers) {
          try {
            handler(next);
          } catch (error) {
            options.log.error({ key: next.key, err: error }, 'A handler of cache changes failed.');
          }
        }
      }
    } finally {
      sending = false;
    }
  }

  function reindex(key: string, object: T | undefined, previous: T | undefined): void {
    for (const { name, values, entries } of indexes) {
      for (const value of previous ? valuesOf(name, values, previous) : []) {
        const found = entries.get(value);
        found?.delete(key);
        if (found?.size === 0) entries.delete(value);
      }
      for (const value of object ? valuesOf(name, values, object) : []) {
        const found = entries.get(value) ?? new Map<string, T>();
        found.set(key, object!);
        entries.set(value, found);
      }
    }
  }

  /** An object that an index function can't read is found by key only; throwing would end its watch again and again. */
  function valuesOf(index: string, values: (object: T) => readonly string[], object: T): Set<string> {
    try {
      return new Set(values(object));
    } catch (error) {
      options.log.error({ key: keyOf(object), index, err: error }, 'An index function failed.');
      return new Set();
    }
  }

  function prepare(object: T): T {
    if (Object.isFrozen(object)) return object;
    const lean = withoutManagedFields(object);
    try {
      return deepFreeze(options.trim ? options.trim(lean) : lean);
    } catch (error) {
      options.log.error({ key: keyOf(object), err: error }, 'An object could not be trimmed; it is kept whole.');
      return deepFreeze(lean);
    }
  }

  function store(object: T): void {
    const key = keyOf(object);
    const previous = objects.get(key);
    const kept = prepare(object);
    objects.set(key, kept);
    snapshot = undefined;
    reindex(key, kept, previous);
    if (previous && previous.metadata.uid !== kept.metadata.uid) {
      // Another object under the same name: the end of the one is not a change of the other.
      emit({ key, object: undefined, previous });
      emit({ key, object: kept, previous: undefined });
    } else {
      emit({ key, object: kept, previous });
    }
  }

  function drop(key: string): void {
    const previous = objects.get(key);
    if (!previous) return;
    objects.delete(key);
    snapshot = undefined;
    reindex(key, undefined, previous);
    emit({ key, object: undefined, previous });
  }

  function bury(uid: string | undefined): void {
    if (uid === undefined) return;
    tombstones.delete(uid);
    tombstones.add(uid);
    if (tombstones.size > MAX_TOMBSTONES) {
      for (const oldest of tombstones) {
        tombstones.delete(oldest);
        break;
      }
    }
  }

  /** Whether `object` may take the place of what the cache has under its key. The same version is no change. */
  function isNews(object: T): boolean {
    const cached = objects.get(keyOf(object));
    if (!cached) return true;
    const [ours, theirs] = [cached.metadata.resourceVersion, object.metadata.resourceVersion];
    if (ours === theirs) return cached.metadata.uid !== object.metadata.uid;
    return compareResourceVersions(theirs, ours) >= 0;
  }

  return {
    get: key => objects.get(key),
    list() {
      snapshot ??= [...objects.values()];
      return snapshot;
    },
    by(index, value) {
      const found = indexes.find(each => each.name === index);
      if (!found) throw new TypeError(`There is no index "${index}".`);
      return [...(found.entries.get(value)?.values() ?? [])];
    },
    onChange(handler) {
      handlers.push(handler);
    },
    prepare,
    apply(object) {
      if (object.metadata.uid !== undefined) tombstones.delete(object.metadata.uid);
      if (isNews(object)) store(object);
    },
    remove(object) {
      const key = keyOf(object);
      bury(object.metadata.uid);
      const cached = objects.get(key);
      if (!cached) return;
      const same = cached.metadata.uid === object.metadata.uid;
      if (same || compareResourceVersions(cached.metadata.resourceVersion, object.metadata.resourceVersion) <= 0) {
        drop(key);
      }
    },
    put(object, knownUpTo) {
      if (object.metadata.uid !== undefined && tombstones.has(object.metadata.uid)) return;
      const cached = objects.get(keyOf(object));
      const { resourceVersion } = object.metadata;
      if (cached?.metadata.uid !== object.metadata.uid && knownUpTo !== undefined) {
        if (resourceVersion === knownUpTo || compareResourceVersions(resourceVersion, knownUpTo) < 0) return;
      }
      if (isNews(object)) store(object);
    },
    replace(complete, resourceVersion, inScope, rewound) {
      const present = new Set<string>();
      for (const object of complete) {
        present.add(keyOf(object));
        if (object.metadata.uid !== undefined) tombstones.delete(object.metadata.uid);
      }
      for (const [key, cached] of [...objects]) {
        if (present.has(key) || !inScope(cached)) continue;
        const newer = compareResourceVersions(cached.metadata.resourceVersion, resourceVersion) > 0;
        if (newer && !rewound) continue;
        bury(cached.metadata.uid);
        drop(key);
      }
      for (const object of complete) {
        if (rewound || isNews(object)) store(object);
      }
    },
  };
}

/** `managedFields` are read by nobody here and are often half of an object. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown };
  return { ...object, metadata };
}

function deepFreeze<V>(value: V): V {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
