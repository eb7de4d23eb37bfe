import { type ClusterFlags, withCluster } from '../with-cluster.ts';
import { type DrainOptions, type DrainOutcome, drainPool } from './drain.ts';

/** Drains a pool of the cluster that the settings lead to. Throws CodedException NoCluster where they lead nowhere. */
export function runDrainPool(options: DrainOptions & ClusterFlags): Promise<DrainOutcome> {
  return withCluster(options, ({ client, clock }) =>
    drainPool({ client, clock, say: line => console.log(line) }, options),
  );
}
