import { type ClusterFlags, withCluster } from '../with-cluster.ts';
import { awsCli } from './aws-cli.ts';
import { type CheckOptions, type CheckOutcome, checkPools } from './check-pools.ts';

/** Checks the pools of the cluster that the settings lead to. Throws CodedException NoCluster where they lead nowhere. */
export function runCheck(options: CheckOptions & ClusterFlags & { region: string | undefined }): Promise<CheckOutcome> {
  return withCluster(options, ({ client }) =>
    checkPools({ client, aws: awsCli(options.region), say: line => console.log(line) }, options),
  );
}
