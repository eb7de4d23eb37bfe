import type { KubeObject } from './objects.ts';

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
