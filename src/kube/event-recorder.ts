import { type Clock, sleep, type Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Random, randomHex } from '../runtime/random.ts';
import { backoffMs } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { cutUtf8 } from './cut-utf8.ts';
import { reasonOf } from './exchange.ts';
import { isAlreadyExists, isNotFound, isOutcomeUnknown, KubeError } from './kube-error.ts';
import { microTime } from './micro-time.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';

/** A line in `kubectl describe`: written once per change of state, never per retry. */
export interface EventToRecord<T extends KubeObject = KubeObject> {
  resource: Resource<T>;
  object: T;
  type: 'Normal' | 'Warning';
  /** CamelCase, such as `PortBound`. */
  reason: string;
  /** What was being done, CamelCase, such as `Bind`. */
  action: string;
  /** Cut to 1,024 bytes at a character's boundary. */
  message: string;
}

/** Writes Events in the background; a failed write is logged and counted, and never fails the caller. */
export interface EventRecorder {
  record<T extends KubeObject>(event: EventToRecord<T>): void;
  /** Resolves when everything recorded so far was written or given up, and after `limitMs` in any case. */
  flush(limitMs?: number): Promise<void>;
}

/** An Event of events.k8s.io/v1. */
export interface KubeEvent extends KubeObject {
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  type: string;
  note: string;
  regarding: {
    apiVersion: string;
    kind: string;
    namespace?: string;
    name: string;
    uid?: string;
    resourceVersion?: string;
  };
  /** Set when the same happened again: how often, and when last. */
  series?: { count: number; lastObservedTime: string };
}

export const events: Resource<KubeEvent> = {
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

export interface EventRecorderOptions {
  client: KubeClient;
  clock: Clock;
  random: Random;
  log: Log;
  /** Who reports, a qualified name. @default 'nlbports' */
  component?: string;
  /** Which of its processes: the pod's name. */
  instance: string;
  /**
   * Counts Events: `written`, `repeated` (counted in a series), `dropped` (too many, of one object or at all),
   * `failed` (refused, or not answered in time).
   */
  onOutcome?: (outcome: 'written' | 'repeated' | 'dropped' | 'failed') => void;
}

/** The API's own limit of an Event's note, in bytes. */
const MAX_NOTE_BYTES = 1_024;
/** The API's own limit of reportingInstance. */
const MAX_INSTANCE_CHARS = 128;
/** Limit of an object's name. */
const MAX_NAME_CHARS = 253;
/** The same within this time of its last is one Event with a series: client-go's figure. */
const SERIES_WINDOW_MS = 360_000;
/** A series is written at most this often, with all that came together until then. */
const SERIES_PATCH_MS = 10_000;
/** Different Events of one object: client-go's spam filter, 25 at once, then one in 5 minutes. */
const OBJECT_BURST = 25;
const OBJECT_REFILL_MS = 300_000;
/** Longest backlog: a burst of 1,000 rooms; more is dropped rather than held in memory. */
const MAX_BACKLOG = 1_000;
/** Objects and series that are remembered; the oldest are forgotten first. */
const MAX_REMEMBERED = 4_096;
const CONCURRENCY = 4;
/** Tries for one write, with waits of 0.5, 1 and 2 s in between. */
const MAX_TRIES = 4;
/** Longest wait for what is left at the end: Events are worth less than a quick hand-over. */
const FLUSH_LIMIT_MS = 5_000;

interface Series {
  event: KubeEvent;
  /** Occurrences so far. */
  count: number;
  lastMs: number;
  /** Wall time of the last one. */
  lastWallMs: number;
  /** Only an Event that exists can be patched. */
  state: 'creating' | 'written';
  timer: Timer | undefined;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Makes a recorder. It needs the rights to create and patch Events, and no others. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, clock, random, instance, component = 'nlbports', onOutcome = () => {} } = options;
  const log = options.log.child({ component: 'event-recorder' });
  const seriesByKey = new Map<string, Series>();
  const buckets = new Map<string, Bucket>();
  const backlog: (() => Promise<void>)[] = [];
  let working = 0;
  let complained = false;
  let idle: (() => void)[] = [];

  function enqueue(job: () => Promise<void>): boolean {
    if (backlog.length >= MAX_BACKLOG) {
      if (!complained)
        log.warn({ backlog: backlog.length }, 'Events are dropped: the API server is too slow for them.');
      complained = true;
      return false;
    }
    backlog.push(job);
    pump();
    return true;
  }

  function pump(): void {
    while (working < CONCURRENCY) {
      const job = backlog.shift();
      if (!job) break;
      working += 1;
      void job()
        .catch((error: unknown) => log.error({ err: error }, 'Writing an Event failed in an unexpected way.'))
        .then(() => {
          working -= 1;
          pump();
        });
    }
    if (working === 0 && backlog.length === 0) {
      complained = false;
      const waiting = idle;
      idle = [];
      for (const resolve of waiting) resolve();
    }
  }

  /** Tries until it is done or clear that it never will be. */
  async function tryWrite(event: KubeEvent, write: () => Promise<unknown>): Promise<'done' | 'gone' | 'failed'> {
    for (let failures = 0; ; failures++) {
      try {
        await write();
        return 'done';
      } catch (error) {
        // Its name is random: that it exists means that an earlier try, whose answer was lost, made it.
        if (isAlreadyExists(error)) return 'done';
        const passing = isOutcomeUnknown(error) || (error instanceof KubeError && error.status === 429);
        if (!passing || failures + 1 >= MAX_TRIES) {
          const { regarding, reason } = event;
          const fields = { kind: regarding.kind, key: keyText(regarding), reason, error: reasonOf(error) };
          // A namespace on its way out takes no Events any more, which is nobody's fault.
          if (error instanceof KubeError && (error.status === 404 || error.status === 403)) {
            log.info(fields, 'An Event was refused.');
          } else log.warn(fields, 'An Event could not be written.');
          return isNotFound(error) ? 'gone' : 'failed';
        }
        const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
        await sleep(clock, Math.max(backoffMs(random, 500, 10_000, failures), askedMs));
      }
    }
  }

  function makeEvent<T extends KubeObject>(wanted: EventToRecord<T>, note: string): KubeEvent {
    const { resource, object } = wanted;
    const { name, namespace, uid, resourceVersion } = object.metadata;
    const suffix = `.${randomHex(random, 16)}`;
    return {
      metadata: {
        name: name.slice(0, MAX_NAME_CHARS - suffix.length).replace(/[^a-z0-9]+$/, '') + suffix,
        // The API wants the Events of objects without a namespace in this one.
        namespace: namespace || 'default',
      },
      eventTime: microTime(clock.nowMs()),
      reportingController: component,
      reportingInstance: instance.slice(0, MAX_INSTANCE_CHARS),
      action: wanted.action,
      reason: wanted.reason,
      type: wanted.type,
      note,
      regarding: {
        apiVersion: resource.apiVersion,
        kind: resource.kind,
        name,
        ...(namespace ? { namespace } : {}),
        ...(uid ? { uid } : {}),
        ...(resourceVersion ? { resourceVersion } : {}),
      },
    };
  }

  /** Whether one more kind of Event of this object is still news. */
  function takeToken(object: string): boolean {
    const nowMs = clock.monotonicMs();
    const before = buckets.get(object);
    const refilled = before ? before.tokens + (nowMs - before.atMs) / OBJECT_REFILL_MS : OBJECT_BURST;
    const tokens = Math.min(OBJECT_BURST, refilled);
    remember(buckets, object, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }

  function writeNew(key: string, series: Series): boolean {
    return enqueue(async () => {
      const outcome = await tryWrite(series.event, () => client.create(events, series.event));
      onOutcome(outcome === 'done' ? 'written' : 'failed');
      if (outcome !== 'done') {
        if (seriesByKey.get(key) === series) seriesByKey.delete(key);
        return;
      }
      series.state = 'written';
      if (series.count > 1) scheduleSeries(key, series);
    });
  }

  function scheduleSeries(key: string, series: Series): void {
    if (series.state === 'creating' || series.timer) return;
    series.timer = clock.after(SERIES_PATCH_MS, () => writeSeries(key, series));
  }

  function writeSeries(key: string, series: Series): void {
    series.timer = undefined;
    const body = { series: { count: series.count, lastObservedTime: microTime(series.lastWallMs) } };
    enqueue(async () => {
      const { name, namespace } = series.event.metadata;
      const write = () => client.patch(events, { name, namespace: namespace! }, { type: 'merge', body });
      const outcome = await tryWrite(series.event, write);
      // An Event that ran out, or was deleted, is written anew the next time.
      if (outcome === 'gone' && seriesByKey.get(key) === series) seriesByKey.delete(key);
    });
  }

  return {
    record(wanted) {
      const { name, namespace, uid } = wanted.object.metadata;
      const note = cutUtf8(oneLine(wanted.message), MAX_NOTE_BYTES);
      const object = [wanted.resource.kind, namespace ?? '', name, uid ?? ''].join('/');
      const key = [object, wanted.type, wanted.reason, wanted.action, note].join('\n');
      const nowMs = clock.monotonicMs();
      const before = seriesByKey.get(key);
      if (before && nowMs - before.lastMs < SERIES_WINDOW_MS) {
        before.count += 1;
        before.lastMs = nowMs;
        before.lastWallMs = clock.nowMs();
        remember(seriesByKey, key, before);
        onOutcome('repeated');
        scheduleSeries(key, before);
        return;
      }
      if (!takeToken(object)) {
        log.debug({ object, reason: wanted.reason }, 'An Event is dropped: too many of this object.');
        onOutcome('dropped');
        return;
      }
      const series: Series = {
        event: makeEvent(wanted, note),
        count: 1,
        lastMs: nowMs,
        lastWallMs: clock.nowMs(),
        state: 'creating',
        timer: undefined,
      };
      if (writeNew(key, series)) remember(seriesByKey, key, series);
      else onOutcome('dropped');
    },

    async flush(limitMs = FLUSH_LIMIT_MS) {
      const over = new AbortController();
      const limit = sleep(clock, limitMs, over.signal).then(() => over.abort());
      while (!over.signal.aborted) {
        for (const [key, series] of seriesByKey) {
          if (!series.timer) continue;
          series.timer.cancel();
          writeSeries(key, series);
        }
        if (working === 0 && backlog.length === 0) break;
        await Promise.race([new Promise<void>(resolve => idle.push(resolve)), limit]);
      }
      over.abort();
    },
  };
}

/** Sets `key` as the newest of a map that keeps a bounded number. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= MAX_REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    break;
  }
}

/** Without control characters: a message may repeat what a user wrote, and it ends up on other people's terminals. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
}

const keyText = (regarding: { namespace?: string; name: string }): string =>
  regarding.namespace ? `${regarding.namespace}/${regarding.name}` : regarding.name;
