import type { Clock, Timer } from '../../runtime/clock.ts';
import { type Random, randomInt } from '../../runtime/random.ts';
import { expired } from './api-error.ts';
import { type ChunkStream, createChunkStream } from './chunk-stream.ts';
import type { ApiObject, JsonObject } from './json.ts';
import { bytesOf, textOf } from './json-text.ts';
import type { Kind } from './kind.ts';
import type { Format } from './media-type.ts';
import { bookmarkObject, tableOf, viewOf } from './object-format.ts';
import { isSelected, type Selection } from './object-lists.ts';
import { type ListOptions, parseVersion } from './request-options.ts';
import { type Store, type StoreEvent, withVersion } from './store.ts';

/** kube-apiserver's `--min-request-timeout`: a watch without a time of its own ends after one to two times this. */
const minTimeoutSeconds = 1800;
/** kube-apiserver sends a bookmark about once a minute. */
const bookmarkMs = 60_000;
/** A reader that leaves this many events lying has its watch closed, as the server does with slow ones. */
const maxWaiting = 20_000;

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** Serves watches of a store. */
export interface ObjectWatches {
  /** Watches that are open. */
  readonly open: number;
  start(
    kind: Kind,
    selection: Selection,
    options: ListOptions,
    format: Format,
    include: string,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Ends all open watches; `error` breaks them instead. */
  endAll(error?: Error): void;
}

/** Makes the watches of a store. */
export function createObjectWatches(deps: { store: Store; clock: Clock; random: Random }): ObjectWatches {
  const { store, clock } = deps;
  const streams = new Set<ChunkStream>();
  const encoded: Record<EventType, WeakMap<ApiObject, Uint8Array>> = {
    ADDED: new WeakMap(),
    MODIFIED: new WeakMap(),
    DELETED: new WeakMap(),
  };

  /** The event's line, encoded once however many watch. */
  function line(type: EventType, kind: Kind, object: ApiObject): Uint8Array {
    const shown = viewOf(kind, object);
    let bytes = encoded[type].get(shown);
    if (!bytes) {
      bytes = bytesOf(`{"type":"${type}","object":${textOf(shown)}}\n`);
      encoded[type].set(shown, bytes);
    }
    return bytes;
  }

  const plainLine = (type: string, object: JsonObject) => bytesOf(`${JSON.stringify({ type, object })}\n`);

  function start(
    kind: Kind,
    selection: Selection,
    options: ListOptions,
    format: Format,
    include: string,
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const collection = store.collection(kind.collection);
    let unsubscribe = () => {};
    let bookmark: Timer | undefined;
    let timeout: Timer | undefined;
    const onAbort = () => stream.fail(new DOMException('This operation was aborted', 'AbortError'));
    const stream = createChunkStream(() => {
      unsubscribe();
      bookmark?.cancel();
      timeout?.cancel();
      signal?.removeEventListener('abort', onAbort);
      streams.delete(stream);
    });
    let columnsSent = false;

    const send = (type: EventType, object: ApiObject) => {
      if (format === 'object') stream.write(line(type, kind, object));
      else if (format === 'partial') {
        const { metadata } = viewOf(kind, object);
        stream.write(plainLine(type, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }));
      } else {
        const meta = { resourceVersion: object.metadata.resourceVersion };
        stream.write(plainLine(type, tableOf(kind, [object], meta, clock.nowMs(), include, !columnsSent)));
        columnsSent = true;
      }
      if (stream.waiting > maxWaiting) stream.end();
    };
    const sendBookmark = (isInitialEnd: boolean) => {
      const object = bookmarkObject(kind, store.version, isInitialEnd);
      if (format !== 'table') return stream.write(plainLine('BOOKMARK', object));
      const metadata = object.metadata as JsonObject;
      stream.write(
        plainLine('BOOKMARK', {
          kind: 'Table',
          apiVersion: 'meta.k8s.io/v1',
          metadata: { resourceVersion: metadata.resourceVersion },
          columnDefinitions: null,
          rows: [{ cells: [], object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } }],
        }),
      );
    };
    const deliver = (event: StoreEvent) => {
      const was = event.previous !== undefined && isSelected(event.previous.object, selection);
      const is = !event.deleted && isSelected(event.current.object, selection);
      if (is) send(was ? 'MODIFIED' : 'ADDED', event.current.object);
      else if (was) {
        // Who can't see the new state is shown the last one they could see, under the new version.
        send('DELETED', event.deleted ? event.current.object : withVersion(event.previous!.object, event.version));
      }
    };

    if (signal?.aborted) {
      onAbort();
      return stream.body;
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    const from = options.resourceVersion === '' ? 0 : parseVersion(options.resourceVersion, 'watch');
    const initial = options.sendInitialEvents ?? from === 0;
    if (initial) {
      for (const stored of collection.list(selection.namespace)) {
        if (isSelected(stored.object, selection)) send('ADDED', stored.object);
      }
      if (options.sendInitialEvents && options.bookmarks) sendBookmark(true);
    } else if (from > 0) {
      const missed = collection.since(from);
      if (!missed) {
        const gone = expired(`too old resource version: ${from} (${collection.forgottenVersion})`);
        stream.write(plainLine('ERROR', gone.status()));
        stream.end();
        return stream.body;
      }
      for (const event of missed) if (inNamespace(event, selection)) deliver(event);
    }
    streams.add(stream);
    unsubscribe = collection.subscribe(selection.namespace, event => {
      if (event.version > from) deliver(event);
    });
    const timeoutSeconds = options.timeoutSeconds || randomInt(deps.random, minTimeoutSeconds, 2 * minTimeoutSeconds);
    timeout = clock.after(Math.max(0, timeoutSeconds) * 1000, () => stream.end());
    if (options.bookmarks) {
      const again = () => {
        sendBookmark(false);
        bookmark = clock.after(bookmarkMs, again);
      };
      bookmark = clock.after(bookmarkMs, again);
    }
    return stream.body;
  }

  return {
    get open() {
      return streams.size;
    },
    start,
    endAll(error) {
      for (const stream of [...streams]) {
        if (error) stream.fail(error);
        else stream.end();
      }
    },
  };
}

function inNamespace(event: StoreEvent, { namespace }: Selection): boolean {
  return namespace === undefined || event.namespace === namespace;
}
