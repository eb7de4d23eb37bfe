import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { controlPlaneBinaries } from './binaries.ts';
import { createClientAuthority } from './client-authority.ts';
import { eventually } from './eventually.ts';
import { type Credential, writeKubeconfig } from './kubeconfig.ts';
import { guardFolder, logTail, type ManagedProcess, startProcess } from './managed-process.ts';
import { PortTakenError, pickPort, retryOnTakenPort, saysPortTaken } from './ports.ts';
import { createRest, type Rest } from './rest.ts';

export interface ControlPlaneOptions {
  /**
   * Runs kube-controller-manager too: EndpointSlices, garbage collection, StatefulSets, the deletion of namespaces.
   * @default false
   */
  controllerManager?: boolean;
  /**
   * Accepts client certificates as well, for `clientCertificateKubeconfig`. Needs openssl.
   * @default false
   */
  clientCertificates?: boolean;
  /** More flags for kube-apiserver, such as `--etcd-compaction-interval=2s`; the last of a flag wins. */
  apiServerArgs?: string[];
  /** Keeps everything here instead of in a temporary folder; it must exist and is not removed. */
  folder?: string;
}

/** What a kubectl call printed and how it ended. */
export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** A real API server with a real etcd, on loopback, without a kubelet: tests patch pods' status themselves. */
export interface ControlPlane {
  /** `https://127.0.0.1:20123` */
  url: string;
  /** Bearer token in group system:masters: for the test itself, never for the operator. */
  adminToken: string;
  /** The certificates to trust. */
  caFile: string;
  adminKubeconfig: string;
  /** The test's own client, with the admin's token. */
  rest: Rest;
  /** Where the logs and whatever a test wants removed at the end lie. */
  folder: string;
  /** The path of a real kubectl. */
  kubectlPath: string;
  /** Runs kubectl as admin; `input` goes to its standard input. Never throws for its exit code. */
  kubectl(args: string[], input?: string): Promise<KubectlResult>;
  /** A new token of a ServiceAccount, by TokenRequest. */
  serviceAccountToken(namespace: string, name: string, expirationSeconds?: number): Promise<string>;
  /** The path of a kubeconfig with a new token of that ServiceAccount. */
  serviceAccountKubeconfig(namespace: string, name: string): Promise<string>;
  /** The same, with a program that kubeconfig's reader has to run for the token. */
  execKubeconfig(namespace: string, name: string): Promise<string>;
  /** The path of a kubeconfig with a new client certificate; only with the option `clientCertificates`. */
  clientCertificateKubeconfig(user: string, groups: string[]): Promise<string>;
  /** Freezes and thaws with SIGSTOP and SIGCONT; a new one after each restart. */
  apiServer(): ManagedProcess;
  etcd(): ManagedProcess;
  /** By SIGKILL unless told: on SIGTERM it waits up to a minute for its watches to end. */
  killApiServer(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it on the port it had, and waits until it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  stopEtcd(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it on the port and the data it had. */
  startEtcd(): Promise<void>;
  /** Kills everything and removes the folder. */
  stop(): Promise<void>;
}

/** Enough for a machine whose cores are all busy; a start takes 3 s on an idle one. */
const readyTimeoutMs = 60_000;

/**
 * Starts etcd and kube-apiserver, and resolves when the API server is ready, with its system namespaces made.
 * However the test's process ends, they end with it.
 *
 * @throws Error with the tail of a log, when one of them does not start.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = await controlPlaneBinaries({ say: line => console.error(line) });
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'nlbports-control-plane-'));
  const releaseFolder = options.folder === undefined ? guardFolder(folder) : undefined;
  const adminToken = randomBytes(16).toString('hex');
  const files = writeSecrets(folder, adminToken);
  const authority = options.clientCertificates ? await createClientAuthority(folder) : undefined;
  const running: { etcd?: ManagedProcess; apiServer?: ManagedProcess; manager?: ManagedProcess } = {};
  let etcdPort = 0;
  let apiPort = 0;
  let rest: Rest | undefined;

  const startEtcd = async () => {
    running.etcd = await startProcess({
      name: 'etcd',
      command: binaries.etcd,
      args: etcdArguments(folder, etcdPort),
      logFile: join(folder, 'etcd.log'),
    });
    await untilReady(running.etcd, () => expectOk(`http://127.0.0.1:${etcdPort}/readyz`));
  };
  const startApiServer = async () => {
    running.apiServer = await startProcess({
      name: 'kube-apiserver',
      command: binaries.kubeApiserver,
      args: [
        ...apiServerArguments(folder, files, etcdPort, apiPort),
        ...(authority === undefined ? [] : [`--client-ca-file=${authority.caFile}`]),
        ...(options.apiServerArgs ?? []),
      ],
      logFile: join(folder, 'kube-apiserver.log'),
    });
    await untilReady(running.apiServer, async () => {
      rest ??= createRest({
        url: `https://127.0.0.1:${apiPort}`,
        ca: readFileSync(files.ca, 'utf8'),
        token: adminToken,
      });
      await rest.get('/readyz');
      // A controller inside the API server makes these a moment after it calls itself ready.
      await Promise.all(['default', 'kube-system'].map(name => rest!.get(`/api/v1/namespaces/${name}`)));
    });
  };
  const startManager = async (program: string) => {
    running.manager = await startProcess({
      name: 'kube-controller-manager',
      command: program,
      args: managerArguments(folder, files),
      logFile: join(folder, 'kube-controller-manager.log'),
    });
    // Its first work in every cluster: the ServiceAccount `default`.
    await untilReady(running.manager, () => rest!.get('/api/v1/namespaces/default/serviceaccounts/default'));
  };
  const stop = async () => {
    await rest?.close();
    for (const process of [running.manager, running.apiServer, running.etcd]) await process?.stop(0);
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    releaseFolder?.();
  };

  try {
    await retryOnTakenPort(async () => {
      etcdPort = await pickPort();
      await startEtcd();
    });
    await retryOnTakenPort(async () => {
      apiPort = await pickPort();
      rest = undefined;
      await startApiServer();
    });
    const url = `https://127.0.0.1:${apiPort}`;
    writeKubeconfig({ file: files.adminKubeconfig, server: url, caFile: files.ca, credential: { token: adminToken } });
    if (options.controllerManager) {
      if (binaries.kubeControllerManager === undefined) {
        throw new Error(
          'Cannot start the control plane: KUBEBUILDER_ASSETS holds no kube-controller-manager, one is needed. ' +
            'Unset it to build one with Go.',
        );
      }
      await startManager(binaries.kubeControllerManager);
    }
  } catch (error) {
    await stop();
    throw error;
  }

  const client = rest!;
  const url = `https://127.0.0.1:${apiPort}`;
  const killApiServer = async (signal: NodeJS.Signals = 'SIGKILL') => await end(running.apiServer!, signal);
  const serviceAccountToken: ControlPlane['serviceAccountToken'] = async (
    namespace,
    name,
    expirationSeconds = 3_600,
  ) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const answer = await client.create(path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds },
    });
    return answer.status.token;
  };
  const writeUserKubeconfig = (name: string, credential: Credential) =>
    writeKubeconfig({
      file: join(folder, `${name}-${randomBytes(4).toString('hex')}.kubeconfig`),
      server: url,
      caFile: files.ca,
      credential,
    });
  return {
    url,
    adminToken,
    caFile: files.ca,
    adminKubeconfig: files.adminKubeconfig,
    rest: client,
    folder,
    kubectlPath: binaries.kubectl,
    kubectl: (args, input) => runKubectl(binaries.kubectl, folder, files.adminKubeconfig, args, input),
    serviceAccountToken,
    serviceAccountKubeconfig: async (namespace, name) =>
      writeUserKubeconfig(`${namespace}-${name}`, { token: await serviceAccountToken(namespace, name) }),
    async execKubeconfig(namespace, name) {
      const program = join(folder, `${namespace}-${name}-${randomBytes(4).toString('hex')}.sh`);
      writeFileSync(program, execCredentialProgram(await serviceAccountToken(namespace, name)), { mode: 0o700 });
      return writeUserKubeconfig(`${namespace}-${name}`, { exec: { command: program } });
    },
    async clientCertificateKubeconfig(user, groups) {
      if (authority === undefined) {
        throw new Error('Cannot make a client certificate: the option clientCertificates is off, on is needed.');
      }
      const { certificateFile, keyFile } = await authority.issue(user, groups);
      return writeUserKubeconfig(user, { clientCertificateFile: certificateFile, clientKeyFile: keyFile });
    },
    apiServer: () => running.apiServer!,
    etcd: () => running.etcd!,
    killApiServer,
    startApiServer,
    async restartApiServer(signal) {
      await killApiServer(signal);
      await startApiServer();
    },
    stopEtcd: async (signal = 'SIGKILL') => await end(running.etcd!, signal),
    startEtcd,
    stop,
  };
}

interface SecretFiles {
  tokens: string;
  signingKey: string;
  verifyingKey: string;
  /** The API server makes its own certificate and appends the authority's: the file serves as the trust anchor. */
  ca: string;
  adminKubeconfig: string;
}

function writeSecrets(folder: string, adminToken: string): SecretFiles {
  const files: SecretFiles = {
    tokens: join(folder, 'tokens.csv'),
    signingKey: join(folder, 'service-account.key'),
    verifyingKey: join(folder, 'service-account.pub'),
    ca: join(folder, 'apiserver.crt'),
    adminKubeconfig: join(folder, 'admin.kubeconfig'),
  };
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  writeFileSync(files.signingKey, keys.privateKey, { mode: 0o600 });
  writeFileSync(files.verifyingKey, keys.publicKey);
  writeFileSync(files.tokens, `${adminToken},test-admin,test-admin,"system:masters"\n`, { mode: 0o600 });
  return files;
}

function etcdArguments(folder: string, port: number): string[] {
  const client = `http://127.0.0.1:${port}`;
  return [
    '--name=test',
    `--data-dir=${join(folder, 'etcd-data')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    // It has no peers: any free port will do.
    '--listen-peer-urls=http://127.0.0.1:0',
    '--log-level=warn',
    '--unsafe-no-fsync',
  ];
}

function apiServerArguments(folder: string, files: SecretFiles, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/16',
    `--service-account-key-file=${files.verifyingKey}`,
    `--service-account-signing-key-file=${files.signingKey}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=RBAC',
    // Pods of the tests need no ServiceAccount that a controller would have to make first.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

function managerArguments(folder: string, files: SecretFiles): string[] {
  return [
    `--kubeconfig=${files.adminKubeconfig}`,
    '--leader-elect=false',
    '--secure-port=0',
    // Nobody renews the leases of the tests' nodes, and some pods name a node without an object: the first would evict
    // the pods of nodes that it calls lost, the second deletes all pods of a node that is missing for 40 s.
    '--controllers=*,-node-lifecycle-controller,-pod-garbage-collector-controller',
    `--cert-dir=${folder}`,
    `--service-account-private-key-file=${files.signingKey}`,
    `--root-ca-file=${files.ca}`,
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ];
}

/** Prints an ExecCredential, as `aws eks get-token` does. */
function execCredentialProgram(token: string): string {
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } };
  return `#!/bin/sh\ncat <<'END'\n${JSON.stringify(credential)}\nEND\n`;
}

/** Waits until `check` passes, and gives up at once when the process ends. */
async function untilReady(process: ManagedProcess, check: () => Promise<unknown>): Promise<void> {
  let died = false;
  await eventually(async () => {
    if (!process.isRunning()) {
      died = true;
      return;
    }
    await check();
  }, readyTimeoutMs).catch(async error => {
    await process.stop(0);
    throw new Error(`Cannot start ${process.name}: ${error.message}\n${logTail(process)}`);
  });
  if (!died) return;
  const message = `Cannot start ${process.name}: it ended at once.\n${logTail(process)}`;
  throw saysPortTaken(logTail(process)) ? new PortTakenError(message) : new Error(message);
}

async function expectOk(url: string): Promise<void> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
}

async function end(process: ManagedProcess, signal: NodeJS.Signals): Promise<void> {
  process.signal('SIGCONT');
  process.signal(signal);
  await process.ended;
}

async function runKubectl(
  kubectl: string,
  folder: string,
  kubeconfig: string,
  args: string[],
  input?: string,
): Promise<KubectlResult> {
  const running = promisify(execFile)(kubectl, [`--cache-dir=${join(folder, 'kubectl-cache')}`, ...args], {
    env: { ...process.env, KUBECONFIG: kubeconfig, HOME: folder },
    maxBuffer: 256 * 1024 * 1024,
    timeout: 120_000,
  });
  running.child.stdin?.end(input ?? '');
  try {
    return { code: 0, ...(await running) };
  } catch (error) {
    const failed = error as { code?: number | string; stdout?: string; stderr?: string; message: string };
    if (typeof failed.code !== 'number') throw new Error(`Cannot run kubectl: ${failed.message}`);
    return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}
