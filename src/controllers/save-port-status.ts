import type { NLBPortPool } from '../api/pool.ts';
import { type NLBPort, nlbPorts, type PortStatus } from '../api/port.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import type { Clock } from '../runtime/clock.ts';
import { type OperatorTimes, portContext } from './port-context.ts';
import { deriveStatus } from './port-status.ts';
import { type UpdateOptions, updateStatus } from './update-status.ts';

export interface SavePortStatusDeps {
  client: KubeClient;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  clock: Clock;
  times: OperatorTimes;
}

/** Writes the status by compare-and-swap, with all that follows from it; see `updateStatus`. */
export function savePortStatus(
  deps: SavePortStatusDeps,
  port: NLBPort,
  mutate: (current: NLBPort) => PortStatus | undefined,
  options?: UpdateOptions,
): Promise<NLBPort | undefined> {
  const { client, ports: informer } = deps;
  const derive = (current: NLBPort) => {
    const status = mutate(current);
    const pool = deps.pools.get(current.spec.pool);
    if (status === undefined || !pool) return status;
    return deriveStatus(current, status, portContext(current, pool, deps.times), deps.clock.nowMs());
  };
  return updateStatus({ client, informer, resource: nlbPorts }, port, derive, options);
}
