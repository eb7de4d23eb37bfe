import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { applyFiles } from '../apply.ts';
import { controlPlaneBinaries } from '../binaries.ts';
import { startControlPlane } from '../control-plane.ts';
import { eventually } from '../eventually.ts';
import { guardFolder, logTail, startProcess } from '../managed-process.ts';
import { cleanEnvironment, nlbportsCommand, repository } from '../product.ts';
import { createRest, type Rest } from '../rest.ts';

/** An API server that kubectl talks to, with our definitions installed. */
export interface KubectlServer {
  url: string;
  /** For kubectl's cache and the cases' own folders. */
  folder: string;
  /** Where kubectl lies. */
  kubectlFolder: string;
  /** Makes a namespace that nobody has used, and gives its name when the server has put into it what it puts into each. */
  createNamespace(): Promise<string>;
  /** Writes a kubeconfig whose context is that namespace into `folder`, and gives its path. */
  kubeconfig(folder: string, namespace: string): string;
  stop(): Promise<void>;
}

/** Time for the sandbox to name its address; it takes half a second on an idle machine. */
const startTimeoutMs = 60_000;
/** Time for a namespace to be filled; it takes some 20 ms on an idle machine. */
const namespaceTimeoutMs = 60_000;

/** `nlbports sandbox --only kubernetes`, as its own process. */
export async function startSimulatedServer(): Promise<KubectlServer> {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-kubectl-'));
  const releaseFolder = guardFolder(folder);
  const adminKubeconfig = join(folder, 'sandbox.kubeconfig');
  const process = await startProcess({
    name: 'nlbports sandbox --only kubernetes',
    command: nlbportsCommand,
    args: ['sandbox', '--only=kubernetes', '--kubernetes-port=0', `--kubeconfig-out=${adminKubeconfig}`, '--json'],
    env: cleanEnvironment(),
    logFile: join(folder, 'sandbox.log'),
  });
  let rest: Rest | undefined;
  const stop = async () => {
    await rest?.close();
    await process.stop(2_000);
    rmSync(folder, { recursive: true, force: true });
    releaseFolder();
  };
  try {
    const url = await eventually(() => {
      const found = /"url":"([^"]+)"/.exec(process.log())?.[1];
      if (found === undefined) throw new Error('it has named no address');
      return found;
    }, startTimeoutMs);
    rest = createRest({ url, ca: '', token: 'sandbox' });
    return describeServer({ rest, url, folder, adminKubeconfig, kubectlFolder: await kubectlFolder() }, stop);
  } catch (error) {
    const said = logTail(process);
    await stop();
    throw new Error(`Cannot start the simulated API: ${(error as Error).message}.\n${said}`);
  }
}

/** A real kube-apiserver with etcd and kube-controller-manager, and our definitions applied. */
export async function startRealServer(): Promise<KubectlServer> {
  const cluster = await startControlPlane({ controllerManager: true });
  try {
    await applyFiles(cluster.rest, join(repository, 'deploy', 'crds'));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const { rest, url, folder, adminKubeconfig } = cluster;
  const kubectlFolder = dirname(cluster.kubectlPath);
  return describeServer({ rest, url, folder, adminKubeconfig, kubectlFolder, everyNamespaceHas }, () => cluster.stop());
}

/** What kube-controller-manager makes in a new namespace, when it gets round to it: on a busy machine seconds later. */
const everyNamespaceHas = ['configmaps/kube-root-ca.crt', 'serviceaccounts/default'];

interface ServerParts {
  rest: Rest;
  url: string;
  folder: string;
  adminKubeconfig: string;
  kubectlFolder: string;
  everyNamespaceHas?: readonly string[];
}

function describeServer(parts: ServerParts, stop: () => Promise<void>): KubectlServer {
  const { rest, url, folder, adminKubeconfig } = parts;
  const casesFolder = join(folder, 'cases');
  mkdirSync(casesFolder);
  let made = 0;
  return {
    url,
    folder: casesFolder,
    kubectlFolder: parts.kubectlFolder,
    async createNamespace() {
      made += 1;
      const name = `case-${made}-of-kubectl`;
      await rest.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      for (const path of parts.everyNamespaceHas ?? []) {
        await eventually(() => rest.get(`/api/v1/namespaces/${name}/${path}`), namespaceTimeoutMs);
      }
      return name;
    },
    kubeconfig(into, namespace) {
      const config = parse(readFileSync(adminKubeconfig, 'utf8'));
      for (const { context } of config.contexts) context.namespace = namespace;
      const file = join(into, 'kubeconfig');
      writeFileSync(file, stringify(config), { mode: 0o600 });
      return file;
    },
    stop,
  };
}

async function kubectlFolder(): Promise<string> {
  return dirname((await controlPlaneBinaries({ say: line => console.error(line) })).kubectl);
}
