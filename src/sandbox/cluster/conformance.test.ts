import { createUndiciTransport } from '../../kube/undici-transport.ts';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { createCluster } from './cluster.ts';
import { conformance } from './conformance.ts';

const makeCluster = () =>
  createCluster({
    clock: systemClock(),
    random: seededRandom(1),
    log: silentLog(),
    options: { cleanupMs: 5, managedFields: true },
  });

conformance('the simulated API in process', async () => {
  const cluster = makeCluster();
  return { transport: cluster.transport, close: () => cluster.stop() };
});

conformance('the simulated API over HTTP', async () => {
  const cluster = makeCluster();
  const server = await cluster.serve();
  const transport = createUndiciTransport(
    {
      server: server.url,
      source: 'the test',
      namespace: undefined,
      insecureSkipTlsVerify: false,
      tlsServerName: undefined,
      credentials: async () => ({ headers: {} }),
    },
    { userAgent: 'conformance' },
  );
  return {
    transport,
    async close() {
      await transport.close();
      await cluster.stop();
    },
  };
});
