import { homedir, hostname } from 'node:os';
import { CodedException, codedError } from '../api/errors.ts';
import { ConnectionConfigError } from '../kube/connection-config.ts';
import { loadConnection } from '../kube/load-connection.ts';
import { createUndiciTransport } from '../kube/undici-transport.ts';
import { jsonLog } from '../operator/json-log.ts';
import { createOperator } from '../operator/operator.ts';
import type { OperatorOptions } from '../operator/options.ts';
import { startProbeServer } from '../operator/probe-server.ts';
import { systemClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { regionOfEndpoint } from './region-of-endpoint.ts';
import { version } from './version.ts';

/**
 * Runs the operator until a signal ends it or leadership is lost, and then ends the process: with 0 after a signal, with
 * 1 after a loss. Throws CodedException where the settings lead nowhere (NoCluster, PortInUse).
 */
export async function runOperator(options: OperatorOptions): Promise<void> {
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
