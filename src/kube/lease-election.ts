import { type Clock, sleep, type Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { type Random, randomHex } from '../runtime/random.ts';
import type { KubeClient } from './client.ts';
import { electionTimes } from './election-times.ts';
import { reasonOf } from './exchange.ts';
import { isNotFound } from './kube-error.ts';
import { holderOf, type LeaseWatch, versionOf, watchLease } from './lease-watch.ts';
import { microTime } from './micro-time.ts';
import type { Lease } from './objects.ts';
import { leases } from './resource.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { KubeTransport } from './transport.ts';

/** A process's claim to lead, proven by the Lease's own deadline. */
export interface Election {
  /**
   * True while this process holds the Lease and its renewal is recent enough, by the monotonic clock from before the
   * last renewal was sent, that no other may have taken it. Looked at before every AWS call that changes something.
   */
  isLeader(): boolean;
  readonly identity: string;
  /**
   * Seeks the lease, calls `lead` with a signal that is aborted when leadership is lost or `signal` is aborted, and
   * resolves after `lead` has ended and the Lease was given back. Where `lead` throws, so does this, after the same.
   */
  run(signal: AbortSignal, lead: (leading: AbortSignal) => Promise<void>): Promise<'ended' | 'lost'>;
}

export interface ElectionOptions {
  client: KubeClient;
  /** For the watch of the Lease, by which a hand-over is seen at once. */
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
  namespace: string;
  /** The Lease's name. @default 'nlbports' */
  name?: string;
  hostname: string;
  /** How long a Lease that is not renewed keeps others from leading. @default 12000 */
  durationMs?: number;
}

/** A moment on both clocks: the wall clock also sees a suspended machine, which the monotonic one may not. */
interface Moment {
  monotonicMs: number;
  wallMs: number;
}

/** The Lease as it was when we last wrote or read it as ours, and the moment from which our time counts. */
interface Held {
  lease: Lease;
  since: Moment;
}

/** Makes a contender for the Lease `namespace`/`name`; `run` may be called again after it ended. */
export function createElection(options: ElectionOptions): Election {
  const { client, transport, clock, random, namespace, name = 'nlbports' } = options;
  const times = electionTimes(options.durationMs ?? 12_000);
  const identity = `${options.hostname}_${randomHex(random, 10)}`;
  const key = { namespace, name };
  const log = options.log.child({ lease: `${namespace}/${name}`, identity });
  let held: Held | undefined;
  /** The first of our writes of which it is not known whether it was, or will be, carried out. */
  let unsettled: Moment | undefined;
  let running = false;

  const now = (): Moment => ({ monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() });
  const deadlineMs = (of: Held) => of.since.monotonicMs + times.leadForMs;

  /** Calls with the time that one attempt may take. */
  async function attempt<R>(call: (signal: AbortSignal) => Promise<R>, signal?: AbortSignal): Promise<R> {
    const abort = new AbortController();
    const onAbort = () => abort.abort();
    const timer = clock.after(times.attemptMs, onAbort);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return await call(abort.signal);
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** The Lease as it is now; undefined where there is none. */
  async function read(): Promise<Lease | undefined> {
    try {
      return await attempt(signal => client.get(leases, key, { signal }));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Writes `spec` over `base`, which must not have changed since. */
  const write = (base: Lease | undefined, spec: Lease['spec'], signal?: AbortSignal): Promise<Lease> =>
    attempt(
      each =>
        base
          ? client.update(leases, { ...base, spec: { ...base.spec, ...spec } }, { signal: each })
          : client.create(leases, { metadata: key, spec }, { signal: each }),
      signal,
    );

  function claim(base: Lease | undefined): Lease['spec'] {
    const at = microTime(clock.nowMs());
    const mine = holderOf(base) === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: times.durationMs / 1000,
      renewTime: at,
      acquireTime: mine ? (base?.spec.acquireTime ?? at) : at,
      leaseTransitions: base ? (base.spec.leaseTransitions ?? 0) + (mine ? 0 : 1) : 0,
    };
  }

  /** Tries to take the Lease over what was observed. Undefined: it is not ours, and `watch` was told what it is. */
  async function acquire(watch: LeaseWatch, base: Lease | undefined): Promise<Held | undefined> {
    const sent = now();
    unsettled ??= sent;
    try {
      const lease = await write(base, claim(base));
      // The resourceVersion has moved on: none of our earlier writes can be carried out any more.
      unsettled = undefined;
      return { lease, since: sent };
    } catch (error) {
      const live = await watch.reread(read);
      const moved = versionOf(live) !== versionOf(base);
      if (live && moved && holderOf(live) === identity) {
        const since = unsettled ?? sent;
        unsettled = undefined;
        return { lease: live, since };
      }
      if (!moved) throw error;
      unsettled = undefined;
      return undefined;
    }
  }

  /** Waits until the Lease is ours; undefined when `signal` was aborted first. */
  async function seek(watch: LeaseWatch, signal: AbortSignal): Promise<Held | undefined> {
    let complained = '';
    const complain = (error: unknown) => {
      const reason = reasonOf(error);
      if (reason !== complained) log.warn({ reason }, 'The Lease can not be taken or read; trying on.');
      complained = reason;
    };
    while (!signal.aborted) {
      // Without a watch yet, or where it is not allowed, the Lease is read.
      if (!watch.synced()) await watch.reread(read).catch(complain);
      const observed = watch.observed();
      const waitMs = observed ? observed.freeAtMs - clock.monotonicMs() : times.attemptMs;
      if (observed && waitMs <= 0 && !signal.aborted) {
        try {
          const won = await acquire(watch, observed.lease);
          if (won) return won;
        } catch (error) {
          complain(error);
        }
        await watch.change(times.retryMs, signal);
      } else {
        await watch.change(watch.synced() ? waitMs : Math.min(waitMs, times.attemptMs), signal);
      }
    }
    return undefined;
  }

  /** Holds the Lease for as long as `lead` runs, then gives it back. */
  async function serve(
    won: Held,
    watch: LeaseWatch,
    signal: AbortSignal,
    lead: (leading: AbortSignal) => Promise<void>,
  ): Promise<'ended' | 'lost'> {
    held = won;
    log.info({ transitions: won.lease.spec.leaseTransitions }, 'Lease acquired');
    const leading = new AbortController();
    const renewals = new AbortController();
    const onAbort = () => leading.abort();
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });

    let lost = false;
    const lose = (why: string) => {
      if (lost || renewals.signal.aborted) return;
      lost = true;
      held = undefined;
      log.warn({ why }, 'No longer leading.');
      renewals.abort();
      leading.abort();
    };

    let deadline: Timer;
    const checkDeadline = () => {
      if (!held) return;
      const restMs = deadlineMs(held) - clock.monotonicMs();
      if (restMs <= 0) lose('the Lease could not be renewed in time');
      else deadline = clock.after(Math.ceil(restMs), checkDeadline);
    };
    checkDeadline();

    /** Gives the wait before the next renewal. */
    async function renew(base: Lease): Promise<number> {
      const sent = now();
      unsettled ??= sent;
      try {
        const lease = await write(base, claim(base), renewals.signal);
        unsettled = undefined;
        if (!lost) held = { lease, since: sent };
        return times.renewEveryMs * (0.9 + random.next() / 10);
      } catch (error) {
        if (renewals.signal.aborted) return 0;
        log.info({ reason: reasonOf(error) }, 'A renewal of the Lease failed; it is read.');
      }
      const live = await read().catch(() => 'unknown' as const);
      if (live === 'unknown' || lost || versionOf(live) === versionOf(base)) return times.retryMs;
      if (!live || holderOf(live) !== identity) {
        lose(live ? `the Lease was taken by ${holderOf(live) ?? 'nobody'}` : 'the Lease was deleted');
        return 0;
      }
      // It is ours and moved on: by a write of ours whose answer was lost, which its time shows, or by somebody's
      // label, which renews nothing. In both cases older writes of ours are void.
      const renewed = live.spec.renewTime !== base.spec.renewTime;
      held = { lease: live, since: renewed ? (unsettled ?? sent) : held!.since };
      unsettled = undefined;
      return renewed ? times.renewEveryMs * (0.9 + random.next() / 10) : 0;
    }

    const keepRenewing = async () => {
      let waitMs = times.renewEveryMs * (0.9 + random.next() / 10);
      while (!renewals.signal.aborted) {
        const changed = waitMs > 0 && (await watch.change(waitMs, renewals.signal));
        if (!held || renewals.signal.aborted) break;
        const seen = watch.observed()?.lease;
        if (changed && seen && compareResourceVersions(versionOf(seen), versionOf(held.lease)) <= 0) {
          // Word of our own write, or of an older one.
          waitMs = Math.max(1, held.since.monotonicMs + times.renewEveryMs * 0.9 - clock.monotonicMs());
        } else if (changed && seen && holderOf(seen) !== identity) {
          lose(`the Lease was taken by ${holderOf(seen) ?? 'nobody'}`);
        } else {
          // Due, or the watch says that it was changed or deleted, which a renewal will tell for certain.
          waitMs = await renew(held.lease);
        }
      }
    };
    const renewing = keepRenewing();

    try {
      if (!leading.signal.aborted) await lead(leading.signal);
    } finally {
      renewals.abort();
      await renewing;
      deadline!.cancel();
      signal.removeEventListener('abort', onAbort);
      if (held) await release(held);
    }
    return lost ? 'lost' : 'ended';
  }

  /** Empties the Lease, so that others need not wait for it to run out. It is not ours from the first try on. */
  async function release(last: Held): Promise<void> {
    held = undefined;
    const untilMs = deadlineMs(last);
    let base = last.lease;
    while (clock.monotonicMs() < untilMs) {
      try {
        await write(base, { holderIdentity: '', renewTime: microTime(clock.nowMs()) });
        unsettled = undefined;
        log.info({}, 'The Lease was given back.');
        return;
      } catch (error) {
        log.debug({ reason: reasonOf(error) }, 'Giving the Lease back failed; it is read.');
      }
      const live = await read().catch(() => base);
      if (!live || holderOf(live) !== identity) return;
      if (versionOf(live) === versionOf(base)) await sleep(clock, times.retryMs);
      base = live;
    }
    log.warn({}, 'The Lease could not be given back; it will run out.');
  }

  return {
    identity,
    isLeader: () =>
      held !== undefined &&
      clock.monotonicMs() < deadlineMs(held) &&
      clock.nowMs() < held.since.wallMs + times.leadForMs,

    async run(signal, lead) {
      if (running) throw new Error('The election runs already.');
      running = true;
      const stop = new AbortController();
      const watch = watchLease({ transport, clock, random, log }, key, identity, times, stop.signal);
      try {
        const won = await seek(watch, signal);
        return won ? await serve(won, watch, signal, lead) : 'ended';
      } finally {
        stop.abort();
        running = false;
      }
    },
  };
}
