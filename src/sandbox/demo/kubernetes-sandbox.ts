import { customResourceDefinitions } from '../../api/crd.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { createCluster, type SimulatedCluster } from '../cluster/cluster.ts';
import { portTaken } from '../port-taken.ts';

/** The simulated Kubernetes API over HTTP, with our CRDs and nothing else in it but what every cluster has. */
export interface KubernetesSandbox {
  readonly url: string;
  readonly cluster: SimulatedCluster;
  close(): Promise<void>;
}

/**
 * Starts it on loopback; port 0 takes a free one.
 * @throws CodedException PortInUse where the port can't be had.
 */
export async function startKubernetesSandbox(
  deps: { clock: Clock; random: Random; log: Log },
  options: { port: number },
): Promise<KubernetesSandbox> {
  const cluster = createCluster({
    ...deps,
    crds: Object.values(customResourceDefinitions()),
    options: { managedFields: true },
  });
  try {
    const server = await cluster.serve({ port: options.port });
    return { url: server.url, cluster, close: () => cluster.stop() };
  } catch (error) {
    await cluster.stop();
    throw portTaken(error, options.port, '--kubernetes-port');
  }
}
