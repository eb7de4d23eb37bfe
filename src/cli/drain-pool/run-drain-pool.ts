import { homedir } from 'node:os';
import { CodedException, codedError } from '../../api/errors.ts';
import { createKubeClient } from '../../kube/client.ts';
import { ConnectionConfigError } from '../../kube/connection-config.ts';
import { loadConnection } from '../../kube/load-connection.ts';
import { createUndiciTransport } from '../../kube/undici-transport.ts';
import { systemClock } from '../../runtime/clock.ts';
import { version } from '../version.ts';
import { type DrainOptions, type DrainOutcome, drainPool } from './drain.ts';

/** Drains a pool of the cluster that the settings lead to. Throws CodedException NoCluster where they lead nowhere. */
export async function runDrainPool(
  options: DrainOptions & { kubeconfig: string | undefined; context: string | undefined },
): Promise<DrainOutcome> {
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
    return await drainPool({ client, clock, say: line => console.log(line) }, options);
  } finally {
    await transport.close();
  }
}
