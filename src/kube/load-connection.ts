import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { type ConnectionConfig, ConnectionConfigError } from './connection-config.ts';
import { inClusterConfig, SERVICE_ACCOUNT_DIRECTORY } from './in-cluster.ts';
import { kubeconfigConfig } from './kubeconfig.ts';

export interface LoadConnectionDeps {
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** True where a person may be asked at a terminal. */
  interactive: boolean;
  /** The user's home folder. */
  homeDirectory: string;
  /** @default '/var/run/secrets/kubernetes.io/serviceaccount' */
  serviceAccountDirectory?: string;
}

export interface LoadConnectionOptions {
  /** A kubeconfig's path. */
  kubeconfig?: string | undefined;
  /** A context's name; the kubeconfig's current one where it is left out. */
  context?: string | undefined;
}

/**
 * Finds the API server, in this order: the kubeconfig asked for; the files of KUBECONFIG; the service account, inside a
 * cluster; `~/.kube/config`. The first that is there counts, and if it is broken that is said, never passed over.
 * Throws `ConnectionConfigError`.
 */
export async function loadConnection(
  deps: LoadConnectionDeps,
  options: LoadConnectionOptions = {},
): Promise<ConnectionConfig> {
  if (options.kubeconfig) return await kubeconfigConfig(deps, [options.kubeconfig], options.context);
  const listed = (deps.env.KUBECONFIG ?? '').split(delimiter).filter(path => path !== '');
  if (listed.length > 0) return await kubeconfigConfig(deps, listed, options.context);
  const directory = deps.serviceAccountDirectory ?? SERVICE_ACCOUNT_DIRECTORY;
  if (deps.env.KUBERNETES_SERVICE_HOST && (await exists(`${directory}/token`))) {
    return await inClusterConfig(deps, directory);
  }
  const home = join(deps.homeDirectory, '.kube', 'config');
  if (await exists(home)) return await kubeconfigConfig(deps, [home], options.context);
  throw new ConnectionConfigError(
    `Cannot find a Kubernetes API server: no kubeconfig was named, KUBECONFIG is not set, this is no pod with a service account, and there is no ${home}.`,
  );
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
