import { poolLabel } from '../../api/names.ts';
import { type NLBPortPool, nlbPortPools } from '../../api/pool.ts';
import { type NLBPort, nlbPorts } from '../../api/port.ts';
import { createInformer } from '../../kube/informer.ts';
import type { Pod } from '../../kube/objects.ts';
import { pods as podResource } from '../../kube/resource.ts';
import type { KubeTransport } from '../../kube/transport.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { type RoomRow, roomRows } from './room-rows.ts';

/** What anyone who watches the cluster sees of rooms, ports and pools. */
export interface RoomsView {
  /** Begins; resolves once everything that is there is known. */
  start(signal: AbortSignal): Promise<void>;
  rows(): RoomRow[];
  pod(name: string, namespace?: string): Pod | undefined;
  ports(pool: string): readonly NLBPort[];
  pool(name: string): NLBPortPool | undefined;
  /** Calls `handler` after every change. */
  onChange(handler: () => void): void;
  /**
   * Resolves with what `look` gives as soon as that is not undefined, asked soon after every change; with undefined when
   * `limitMs` are over. Rejects with the signal's reason when `signal` is aborted.
   */
  until<T>(look: () => T | undefined, limitMs: number, signal: AbortSignal): Promise<T | undefined>;
}

/** Changes that come together are looked at together, milliseconds: a burst brings thousands. */
const gatherMs = 20;

/** Makes a view. It follows by watches of its own, as kubectl would. */
export function createRoomsView(deps: { transport: KubeTransport; clock: Clock; random: Random; log: Log }): RoomsView {
  const pods = createInformer<Pod>({ ...deps, resource: podResource, select: { labelSelector: poolLabel } });
  const ports = createInformer<NLBPort>({
    ...deps,
    resource: nlbPorts,
    indexes: { pool: port => [port.spec.pool] },
  });
  const pools = createInformer<NLBPortPool>({ ...deps, resource: nlbPortPools });
  const handlers = new Set<() => void>();
  for (const informer of [pods, ports, pools]) {
    informer.onChange(() => {
      for (const handler of [...handlers]) handler();
    });
  }

  return {
    async start(signal) {
      await Promise.all([pods, ports, pools].map(informer => informer.start(signal)));
    },
    rows: () => roomRows(pods.list(), ports.list()),
    pod: (name, namespace = 'default') => pods.get(`${namespace}/${name}`),
    ports: pool => ports.by('pool', pool),
    pool: name => pools.get(name),
    onChange: handler => void handlers.add(handler),
    until(look, limitMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        let soon: Timer | undefined;
        const end = () => {
          timer.cancel();
          soon?.cancel();
          handlers.delete(onChange);
          signal.removeEventListener('abort', onAbort);
        };
        const onAbort = () => {
          end();
          reject(signal.reason);
        };
        const timer = deps.clock.after(limitMs, () => {
          end();
          resolve(undefined);
        });
        const check = () => {
          soon = undefined;
          const found = look();
          if (found === undefined) return;
          end();
          resolve(found);
        };
        const onChange = () => {
          soon ??= deps.clock.after(gatherMs, check);
        };
        handlers.add(onChange);
        signal.addEventListener('abort', onAbort, { once: true });
        check();
      });
    },
  };
}
