import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import type { ElectionTimes } from './election-times.ts';
import { createInformer } from './informer.ts';
import type { Lease } from './objects.ts';
import { leases } from './resource.ts';
import { compareResourceVersions } from './resource-version.ts';
import type { KubeTransport } from './transport.ts';

/** What a standby knows of the Lease, and since when, by its own clock. */
export interface Observed {
  lease: Lease | undefined;
  atMs: number;
  /** From then on it may be taken. */
  freeAtMs: number;
}

/** What is known of the Lease, kept up by a watch. */
export interface LeaseWatch {
  /** Whether the watch has brought what there is. */
  synced(): boolean;
  observed(): Observed | undefined;
  /** Reads the Lease, and takes what came for what it is now. */
  reread(read: () => Promise<Lease | undefined>): Promise<Lease | undefined>;
  /** Waits for the next change: true; or for a time or an abort: false. */
  change(waitMs: number, signal: AbortSignal): Promise<boolean>;
}

/** Follows the Lease `key` until `stop` is aborted, for the contender `identity`. */
export function watchLease(
  deps: { transport: KubeTransport; clock: Clock; random: Random; log: Log },
  key: { namespace: string; name: string },
  identity: string,
  times: ElectionTimes,
  stop: AbortSignal,
): LeaseWatch {
  const { clock, random } = deps;
  let observed: Observed | undefined;
  let wake = () => {};

  /** How long the Lease's holder may count on it after a write; a holder sets its own. */
  const holdMs = (lease: Lease | undefined) => {
    const holder = holderOf(lease);
    if (holder === undefined || holder === identity) return 0;
    return Math.max(times.durationMs, (lease?.spec.leaseDurationSeconds ?? 0) * 1000);
  };

  function observe(lease: Lease | undefined): void {
    if (observed && versionOf(observed.lease) === versionOf(lease)) return;
    const atMs = clock.monotonicMs();
    // A Lease that somebody deleted leaves its holder unaware of it until the next renewal: it is waited for as well.
    const waitMs = lease ? holdMs(lease) : holdMs(observed?.lease);
    const spreadMs = holderOf(lease) === identity ? 0 : random.next() * times.spreadMs;
    observed = { lease, atMs, freeAtMs: atMs + waitMs + spreadMs };
    wake();
  }

  const informer = createInformer<Lease>({
    ...deps,
    resource: leases,
    select: { namespaces: [key.namespace], fieldSelector: `metadata.name=${key.name}` },
  });
  informer.onChange(({ object }) => observe(object));
  void informer.start(stop).then(() => {
    if (informer.synced && informer.list().length === 0) observe(undefined);
  });

  return {
    synced: () => informer.synced,
    observed: () => observed,
    async reread(read) {
      const before = observed;
      const lease = await read();
      // What the watch said meanwhile may be newer; an older version counts only where it said nothing, as after a
      // restored etcd.
      if (observed === before || compareResourceVersions(versionOf(lease), versionOf(observed?.lease)) > 0) {
        observe(lease);
      }
      return lease;
    },
    async change(waitMs, signal) {
      const turn = new AbortController();
      let changed = false;
      wake = () => {
        changed = true;
        turn.abort();
      };
      const onAbort = () => turn.abort();
      if (signal.aborted) return false;
      signal.addEventListener('abort', onAbort, { once: true });
      // Whole milliseconds: a wait for the last fraction of one may not move a clock at all.
      await sleep(clock, Math.max(1, Math.ceil(waitMs)), turn.signal);
      signal.removeEventListener('abort', onAbort);
      wake = () => {};
      return changed;
    },
  };
}

/** Who holds the Lease; undefined where nobody does. */
export const holderOf = (lease: Lease | undefined): string | undefined => lease?.spec.holderIdentity || undefined;
export const versionOf = (lease: Lease | undefined): string | undefined => lease?.metadata.resourceVersion;
