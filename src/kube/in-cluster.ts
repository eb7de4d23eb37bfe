import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { type ConnectionConfig, ConnectionConfigError, type Credentials } from './connection-config.ts';

export interface InClusterDeps {
  clock: Clock;
  /** Holds KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which the kubelet sets. */
  env: Readonly<Record<string, string | undefined>>;
}

/** Where the kubelet mounts a service account's `token`, `ca.crt` and `namespace`. */
export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The kubelet renews a token when a fifth of its life is left (at least two minutes), so one minute is soon enough. */
const REREAD_MS = 60_000;

/** The pod's own way to its API server, by its service account. Throws `ConnectionConfigError`. */
export async function inClusterConfig(
  deps: InClusterDeps,
  directory = SERVICE_ACCOUNT_DIRECTORY,
): Promise<ConnectionConfig> {
  const host = deps.env.KUBERNETES_SERVICE_HOST;
  const port = deps.env.KUBERNETES_SERVICE_PORT;
  if (!host || !port) {
    throw new ConnectionConfigError(
      'Cannot find the API server from inside the cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are ' +
        'not both set, as they are in every pod.',
    );
  }
  const read = async (name: string): Promise<string> => {
    const file = `${directory}/${name}`;
    const text = await readFile(file, 'utf8').catch((error: Error) => {
      throw new ConnectionConfigError(`Cannot read the service account's file ${file}: ${error.message}.`);
    });
    if (!text.trim()) throw new ConnectionConfigError(`The service account's file ${file} is empty.`);
    return text.trim();
  };

  let known: Credentials | undefined;
  let readAtMs = 0;
  const config: ConnectionConfig = {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    source: `the service account in ${directory}`,
    namespace: await read('namespace').catch(() => undefined),
    insecureSkipTlsVerify: false,
    tlsServerName: undefined,
    async credentials(rejected) {
      if (known && !rejected && deps.clock.monotonicMs() - readAtMs < REREAD_MS) return known;
      try {
        const [token, ca] = await Promise.all([read('token'), read('ca.crt')]);
        known = { ca, headers: { authorization: `Bearer ${token}` } };
        readAtMs = deps.clock.monotonicMs();
      } catch (error) {
        // While the kubelet swaps the files one may be missing for a moment; what was read is still good.
        if (!known) throw error;
      }
      return known;
    },
  };
  await config.credentials();
  return config;
}
