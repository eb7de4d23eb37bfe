import { homedir } from 'node:os';
import { CodedException, codedError } from '../../api/errors.ts';
import { createKubeClient } from '../../kube/client.ts';
import { ConnectionConfigError } from '../../kube/connection-config.ts';
import { loadConnection } from '../../kube/load-connection.ts';
import { createUndiciTransport } from '../../kube/undici-transport.ts';
import { systemClock } from '../../runtime/clock.ts';
import { version } from '../version.ts';
import { awsCli } from './aws-cli.ts';
import { type CheckOptions, type CheckOutcome, checkPools } from './check-pools.ts';

/** Checks the pools of the cluster that the settings lead to. Throws CodedException NoCluster where they lead nowhere. */
export async function runCheck(
  options: CheckOptions & { kubeconfig: string | undefined; context: string | undefined; region: string | undefined },
): Promise<CheckOutcome> {
  const clock = systemClock();
  const connection = await loadConnection(
    { clock, env: process.env, interactive: process.stdin.isTTY === true, homeDirectory: homedir() },
    { kubeconfig: options.kubeconfig, context: options.context },
  ).catch((error: unknown) => {
    throw error instanceof ConnectionConfigError ? new CodedException(codedError('NoCluster', error.message)) : error;
  });
  const transport = createUndiciTransport(connection, { userAgent: `nlbports/${version()}`, requestTimeoutMs: 10_000 });
  try {
    const client = createKubeClient({ transport, clock });
    return await checkPools({ client, aws: awsCli(options.region), say: line => console.log(line) }, options);
  } finally {
    await transport.close();
  }
}
