import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the product keeps in mind. */
export interface KeptBooks {
  /**
   * How many entries its maps and sets have and how many of its listeners wait, by the file and the name of the variable
   * where they were made, as in `kube/work-queue.ts failures`. What is garbage is not counted.
   */
  count(): Record<string, number>;
}

/** A line of the product; the simulators are none of it. */
const productLine = /\/src\/((?:api|aws|controllers|core|kube|operator|runtime)\/(?!virtual-)[\w/-]+\.ts):(\d+)$/;

/**
 * Records every map and set that the product makes from now on, and every listener that it adds. It puts others in the
 * place of this thread's globals: it is for a worker of its own, before the product is imported there.
 */
export function recordBooks(): KeptBooks {
  const [PlainMap, PlainSet] = [Map, Set];
  const { addEventListener } = EventTarget.prototype;
  const books: { place: string; book: WeakRef<{ readonly size: number }> }[] = [];
  const listening: { place: string; type: string; target: WeakRef<EventTarget>; listener: WeakRef<WeakKey> }[] = [];
  const places = new PlainMap<string, string | undefined>();

  /** Where the caller of this replacement is; undefined where that is not the product. */
  function callerOf(replacement: unknown): string | undefined {
    const { prepareStackTrace, stackTraceLimit } = Error;
    const holder: { stack?: NodeJS.CallSite } = {};
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, [site]) => site;
    Error.captureStackTrace(holder, replacement as () => void);
    const site = holder.stack;
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
    const key = `${site?.getFileName()}:${site?.getLineNumber()}`;
    if (!places.has(key)) places.set(key, placeOf(key));
    return places.get(key);
  }

  function record(book: { readonly size: number }, make: unknown): void {
    const place = callerOf(make);
    if (place !== undefined) books.push({ place, book: new WeakRef(book) });
  }

  globalThis.Map = class RecordedMap<K, V> extends PlainMap<K, V> {
    constructor(entries?: Iterable<readonly [K, V]> | null) {
      super(entries);
      record(this, RecordedMap);
    }
  } as MapConstructor;
  globalThis.Set = class RecordedSet<T> extends PlainSet<T> {
    constructor(entries?: Iterable<T> | null) {
      super(entries);
      record(this, RecordedSet);
    }
  } as SetConstructor;
  EventTarget.prototype.addEventListener = function recorded(this: EventTarget, ...args) {
    const [type, listener] = args;
    const place = callerOf(recorded);
    if (place !== undefined && listener) {
      listening.push({ place, type, target: new WeakRef(this), listener: new WeakRef(listener) });
    }
    addEventListener.apply(this, args);
  };

  return {
    count() {
      collectGarbage();
      const kept = new PlainMap<string, number>();
      const add = (place: string, more: number) => kept.set(place, (kept.get(place) ?? 0) + more);
      for (const { place, book } of books) add(place, book.deref()?.size ?? 0);
      for (const { place, type, target, listener } of listening) {
        const [on, what] = [target.deref(), listener.deref()];
        const waits = on !== undefined && getEventListeners(on, type).some(each => each === what);
        add(`${place} (listeners)`, waits ? 1 : 0);
      }
      return Object.fromEntries([...kept].filter(([, size]) => size > 0).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}

/** The file and the name that a line of the product gives to what it makes; undefined where it is none of the product. */
function placeOf(fileAndLine: string): string | undefined {
  const [, file, line] = productLine.exec(fileAndLine) ?? [];
  if (file === undefined) return undefined;
  const source = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const text = source.split('\n')[Number(line) - 1] ?? '';
  const [, name] = /(?:const |let |^\s*)(\w+)(?::| =)/.exec(text) ?? [];
  return `${file} ${name ?? `line ${line}`}`;
}

/** Of all threads that collect, this one alone is concerned. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
