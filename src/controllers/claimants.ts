import { codedError } from '../api/errors.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import { isConflict, isInvalid, isNotFound, isOutcomeUnknown } from '../kube/kube-error.ts';
import { keyOf, parseKey } from '../kube/objects.ts';
import type { Resource } from '../kube/resource.ts';
import { MIN_REQUEUE_MS, type ReconcileResult } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import { type ClaimReport, findReady, type Told } from './claim-report.ts';

/** What the claimants of one kind have of their own. */
export interface ClaimantKind<T extends Told, R extends ClaimReport> {
  resource: Resource<T>;
  /** Puts what a live read or a write showed into the cache, where the cache keeps such objects. */
  remember(object: T): void;
  /** Whether the object asks for ports now: one that does keeps those that it holds. */
  asks(object: T): boolean;
  /** Whether a namesake may come for its ports once it is gone: retention counts from then only, not from the release. */
  mayReturn(object: T): boolean;
  /** What of the object decides what is done with its ports: a cached object that differs in it is stale. */
  wish(object: T): readonly unknown[];
  /** The strategic merge patch of the status that makes the object say this; undefined where it does. */
  patch(object: T, report: R, nowMs: number): object | undefined;
}

/** The pods or the Services that claim ports, as they live in the API server. */
export interface Claimants<T extends Told, R extends ClaimReport> {
  readonly kind: ClaimantKind<T, R>;
  /** The live object; undefined where there is none. */
  get(key: string): Promise<T | undefined>;
  /** The live object of this uid; undefined where it is gone; `stale cache` where it wishes otherwise than the cached one. */
  live(cached: T): Promise<T | undefined | 'stale cache'>;
  /** Writes what the object is told, and an Event where its reason changed. */
  write(object: T, report: R): Promise<'written' | 'gone' | 'conflict'>;
  /** Writes it, and comes back at once where someone else wrote meanwhile. */
  report(object: T, report: R): Promise<ReconcileResult>;
  /** A Warning beside the condition, once for as long as the note stays the same; the latest of each reason counts. */
  noteOnce(object: T, reason: string, note: string): void;
  /** Forgets what was noted of an object that is gone. */
  forget(key: string): void;
}

export interface ClaimantsDeps {
  client: KubeClient;
  events: EventRecorder;
  clock: Clock;
}

/** Comes back at once, with what the cache holds by then. */
export const again: ReconcileResult = { requeueAfterMs: MIN_REQUEUE_MS };

/** When the watch may have caught up with what a live read showed. */
export const caughtUpMs = 200;
export const whenCaughtUp: ReconcileResult = { requeueAfterMs: caughtUpMs };

/** Makes the claimants of one kind. */
export function createClaimants<T extends Told, R extends ClaimReport>(
  { client, events, clock }: ClaimantsDeps,
  kind: ClaimantKind<T, R>,
): Claimants<T, R> {
  const { resource } = kind;
  /** By the object's key: each note with the uid and the reason before it. */
  const noted = new Map<string, string[]>();

  function record(object: T, type: 'Normal' | 'Warning', reason: string, message: string): void {
    events.record({ resource, object, type, reason, action: 'GivePort', message });
  }

  /** It can't be told by what it is not given: an Event is all that is left. */
  function tellRefused(object: T, refused: unknown): void {
    const said = refused instanceof Error ? refused.message : '';
    const message = `Cannot write to the ${resource.kind} what port it has: the API server refuses it: ${said}`;
    claimants.noteOnce(object, 'WriteRefused', codedError('WriteRefused', message).message);
  }

  const claimants: Claimants<T, R> = {
    kind,
    get: key => getIfThere(client, resource, parseKey(key)),
    async live(cached) {
      const live = await claimants.get(keyOf(cached));
      if (!live || live.metadata.uid !== cached.metadata.uid) return undefined;
      kind.remember(live);
      return JSON.stringify(kind.wish(live)) === JSON.stringify(kind.wish(cached)) ? live : 'stale cache';
    },
    async write(object, report) {
      const body = kind.patch(object, report, clock.nowMs());
      if (!body) return 'written';
      const { namespace = '', name, uid } = object.metadata;
      const patch = { type: 'strategic' as const, body };
      try {
        kind.remember(await client.patch(resource, { namespace, name }, patch, { subresource: 'status' }));
      } catch (error) {
        if (isNotFound(error)) return 'gone';
        if (!isConflict(error) && !isInvalid(error) && !isOutcomeUnknown(error)) throw error;
        const live = await afterLostRace(client, resource, object, error).catch((refused: unknown) => {
          if (isInvalid(refused)) tellRefused(object, refused);
          throw refused;
        });
        if (live) kind.remember(live);
        return live?.metadata.uid === uid ? 'conflict' : 'gone';
      }
      if (findReady(object)?.reason !== report.reason) {
        record(object, report.warning ? 'Warning' : 'Normal', report.reason, report.message);
      }
      return 'written';
    },
    async report(object, report) {
      return (await claimants.write(object, report)) === 'conflict' ? again : {};
    },
    noteOnce(object, reason, note) {
      const { uid = '' } = object.metadata;
      const about = `${uid} ${reason} `;
      const before = noted.get(keyOf(object)) ?? [];
      if (before.includes(about + note)) return;
      // Two that hold at once are not said in turns.
      const others = before.filter(said => said.startsWith(uid) && !said.startsWith(about));
      noted.set(keyOf(object), [...others, about + note]);
      record(object, 'Warning', reason, note);
    },
    forget: key => void noted.delete(key),
  };
  return claimants;
}
