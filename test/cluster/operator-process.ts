import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from './eventually.ts';
import { guardFolder, logTail, type ManagedProcess, type ProcessEnd, startProcess } from './managed-process.ts';
import { PortTakenError, pickPort, retryOnTakenPort, saysPortTaken } from './ports.ts';
import { cleanEnvironment, nlbportsCommand } from './product.ts';

export interface OperatorProcessOptions {
  /** Of the shipped ServiceAccount: `cluster.serviceAccountKubeconfig('nlbports-system', 'nlbports')`. */
  kubeconfig: string;
  /** The emulator's URL. */
  awsEndpoint: string;
  /** More flags; the last of a flag wins. */
  args?: string[];
  /** More environment; undefined takes a variable away, as for a test without credentials. */
  env?: NodeJS.ProcessEnv;
  /** @default this checkout's bin/nlbports */
  command?: string;
  /** The log is appended here; a temporary file, removed by `stop`, unless given. */
  logFile?: string;
}

/** One `nlbports operator`, as its own process. */
export interface OperatorProcess {
  process: ManagedProcess;
  /** `http://127.0.0.1:20124`, for /healthz, /readyz and /metrics. */
  url: string;
  /** Its log, one object per line; lines that are no JSON are left out. */
  logLines(): Record<string, unknown>[];
  /** @throws Error with the log's tail when it is not ready in time or has ended. */
  waitReady(timeoutMs?: number): Promise<void>;
  metrics(): Promise<Metric[]>;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM, and how long it took; SIGKILL after `timeoutMs`. */
  terminate(timeoutMs?: number): Promise<ProcessEnd & { tookMs: number }>;
  /** Kills it if it runs, and removes its temporary log. */
  stop(): Promise<void>;
}

/** One sample of the Prometheus text format. */
export interface Metric {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const clock = systemClock();

/** By which the emulator knows the operator. */
export const operatorAccessKey = 'AKIAIOSFODNN7EXAMPLE';

/**
 * Starts `./bin/nlbports operator` under an environment that leads nowhere but to `awsEndpoint`. It may not be ready
 * yet: call `waitReady`. Leader election is as the product has it by default: `--leader-elect=false` is the test's to say.
 */
export async function startOperator(options: OperatorProcessOptions): Promise<OperatorProcess> {
  const folder = options.logFile === undefined ? mkdtempSync(join(tmpdir(), 'nlbports-operator-')) : undefined;
  const releaseFolder = folder === undefined ? undefined : guardFolder(folder);
  const { process, url } = await retryOnTakenPort(async () => {
    const port = await pickPort();
    const started = await startProcess({
      name: 'nlbports operator',
      command: options.command ?? nlbportsCommand,
      args: [
        'operator',
        `--kubeconfig=${options.kubeconfig}`,
        `--http-address=127.0.0.1:${port}`,
        ...(options.args ?? []),
      ],
      env: { ...cleanEnvironment(awsEnvironment(options.awsEndpoint)), ...options.env },
      logFile: options.logFile ?? join(folder!, 'operator.log'),
    });
    await untilListening(started, `http://127.0.0.1:${port}`);
    return { process: started, url: `http://127.0.0.1:${port}` };
  });

  return {
    process,
    url,
    logLines: () => parseLines(process.log()),
    async waitReady(timeoutMs = 30_000) {
      await eventually(async () => {
        if (!process.isRunning()) return;
        const answer = await fetch(`${url}/readyz`);
        const text = await answer.text();
        if (!answer.ok) throw new Error(`/readyz answered ${answer.status} ${text}`);
      }, timeoutMs).catch(error => {
        throw new Error(`The operator is not ready: ${error.message}\n${logTail(process)}`);
      });
      if (!process.isRunning()) throw new Error(`The operator has ended.\n${logTail(process)}`);
    },
    async metrics() {
      const answer = await fetch(`${url}/metrics`);
      return parseMetrics(await answer.text());
    },
    async kill() {
      await process.stop(0);
    },
    async terminate(timeoutMs = 30_000) {
      const startedMs = clock.monotonicMs();
      const end = await process.stop(timeoutMs);
      return { ...end, tookMs: clock.monotonicMs() - startedMs };
    },
    async stop() {
      await process.stop(0);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      releaseFolder?.();
    },
  };
}

/** Any credentials do for the emulator; the SDK shall find no other ones and ask no metadata service. */
export function awsEnvironment(endpoint: string): NodeJS.ProcessEnv {
  return {
    AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: operatorAccessKey,
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

/**
 * Samples of the Prometheus text format; comments are left out.
 *
 * @example
 * parseMetrics('calls_total{action="RegisterTargets"} 3')
 * // [{ name: 'calls_total', labels: { action: 'RegisterTargets' }, value: 3 }]
 */
export function parseMetrics(text: string): Metric[] {
  return text.split('\n').flatMap(line => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) return [];
    const labels: Record<string, string> = {};
    for (const [, name, value] of (match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name!] = value!.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    }
    return [{ name: match[1]!, labels, value: Number(match[3]!.replace('Inf', 'Infinity')) }];
  });
}

/** Resolves once something answers on its port, or it has ended; only a lost race for the port is an error here. */
async function untilListening(process: ManagedProcess, url: string): Promise<void> {
  await eventually(async () => {
    if (process.isRunning()) await fetch(`${url}/healthz`).then(answer => answer.arrayBuffer());
  }, 15_000).catch(() => {});
  if (!process.isRunning() && saysPortTaken(logTail(process))) throw new PortTakenError(logTail(process));
}

function parseLines(log: string): Record<string, unknown>[] {
  return log.split('\n').flatMap(line => {
    try {
      return line.startsWith('{') ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}
