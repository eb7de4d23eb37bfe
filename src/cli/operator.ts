import { homedir, hostname } from 'node:os';
import { Command, Option } from 'commander';
import { CodedException, codedError } from '../api/errors.ts';
import { ConnectionConfigError } from '../kube/connection-config.ts';
import { loadConnection } from '../kube/load-connection.ts';
import { createUndiciTransport } from '../kube/undici-transport.ts';
import { jsonLog } from '../operator/json-log.ts';
import { createOperator } from '../operator/operator.ts';
import {
  compileOptions,
  type OperatorOptions,
  optionsFromEnvironment,
  type WrittenOptions,
} from '../operator/options.ts';
import { environmentName, type OptionName, type OptionRow, optionsTable } from '../operator/options-table.ts';
import { startProbeServer } from '../operator/probe-server.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { version } from './version.ts';

/** `nlbports operator`: the operator as a process, in a cluster or beside one. */
export function operatorCommand(): Command {
  const command = new Command('operator').description('Run the operator: in a cluster, or with a kubeconfig.');
  for (const [name, row] of Object.entries(optionsTable) as [OptionName, OptionRow][]) {
    command.addOption(
      new Option(
        optionFlags(name, row),
        `${row.description} [${environmentName(name)}]${row.default === undefined ? '' : ` (default: ${row.default})`}`,
      ),
    );
  }
  return command.action(async (flags: Record<string, string | boolean>) => {
    await runOperator(compileOptions({ ...optionsFromEnvironment(process.env), ...writtenFlags(flags) }));
  });
}

function optionFlags(name: OptionName, row: OptionRow): string {
  if (row.kind === 'boolean') return `--${name} [true|false]`;
  return `--${name} <${row.value ?? row.choices?.join('|') ?? row.kind}>`;
}

function writtenFlags(flags: Record<string, string | boolean>): WrittenOptions {
  const names = Object.keys(optionsTable) as OptionName[];
  return Object.fromEntries(
    names.flatMap(name => {
      const value = flags[name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
}

async function runOperator(options: OperatorOptions): Promise<void> {
  const clock = systemClock();
  const random = systemRandom();
  const log = jsonLog(options.logLevel);
  const connection = await loadConnection(
    { clock, env: process.env, interactive: process.stdin.isTTY === true, homeDirectory: homedir() },
    { kubeconfig: options.kubeconfig, context: options.context },
  ).catch((error: unknown) => {
    throw error instanceof ConnectionConfigError ? new CodedException(codedError('NoCluster', error.message)) : error;
  });
  log.info({ version: version(), server: connection.server, from: connection.source }, 'Starting');
  const transport = createUndiciTransport(connection, {
    userAgent: `nlbports/${version()}`,
    requestTimeoutMs: options.kubeTimeoutMs,
  });
  const operator = createOperator(
    { transport, clock, random, log, hostname: hostname(), processMetrics: true },
    { ...options, awsRegion: options.awsRegion ?? regionOfEndpoint(process.env) },
  );
  const server = await startProbeServer(
    {
      stuck: () => operator.stuck(),
      ready: () => operator.isReady(),
      metrics: async () => ({
        contentType: operator.metrics.registry.contentType,
        body: await operator.metrics.registry.metrics(),
      }),
    },
    options.http,
  );
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'Stopping');
      stopping.abort();
    });
  }
  const outcome = await operator.run(stopping.signal);
  server.close();
  server.closeAllConnections();
  await transport.close();
  log.info({ outcome }, 'Stopped');
  // Leadership lost is no error of this process, but it must start anew: what it holds in memory may be old.
  process.exit(outcome === 'lost' ? 1 : 0);
}

/**
 * An endpoint of one's own decides where calls go: then any region will do for the signature, and none has to be set.
 */
function regionOfEndpoint(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const endpoint = env.AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 ?? env.AWS_ENDPOINT_URL;
  return endpoint && !env.AWS_REGION && !env.AWS_DEFAULT_REGION ? 'us-east-1' : undefined;
}
