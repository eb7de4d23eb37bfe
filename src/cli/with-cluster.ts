import { homedir } from 'node:os';
import { CodedException, codedError } from '../api/errors.ts';
import { createKubeClient, type KubeClient } from '../kube/client.ts';
import { ConnectionConfigError } from '../kube/connection-config.ts';
import { loadConnection } from '../kube/load-connection.ts';
import { createUndiciTransport } from '../kube/undici-transport.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { version } from './version.ts';

/** Which cluster is meant; the settings of the machine say it where both are left out. */
export interface ClusterFlags {
  kubeconfig: string | undefined;
  context: string | undefined;
}

/** Runs a command on the cluster that the settings lead to. Throws CodedException NoCluster where they lead nowhere. */
export async function withCluster<T>(
  { kubeconfig, context }: ClusterFlags,
  run: (deps: { client: KubeClient; clock: Clock }) => Promise<T>,
): Promise<T> {
  const clock = systemClock();
  const connection = await loadConnection(
    { clock, env: process.env, interactive: process.stdin.isTTY === true, homeDirectory: homedir() },
    { kubeconfig, context },
  ).catch((error: unknown) => {
    throw error instanceof ConnectionConfigError ? new CodedException(codedError('NoCluster', error.message)) : error;
  });
  const transport = createUndiciTransport(connection, { userAgent: `nlbports/${version()}`, requestTimeoutMs: 10_000 });
  try {
    return await run({ client: createKubeClient({ transport, clock }), clock });
  } finally {
    await transport.close();
  }
}
