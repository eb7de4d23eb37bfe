import { readFileSync } from 'node:fs';
import { startControlPlane } from '../../../test/cluster/control-plane.ts';
import { createUndiciTransport } from '../../kube/undici-transport.ts';
import { conformance } from './conformance.ts';

conformance('a real kube-apiserver', async () => {
  const cluster = await startControlPlane({ controllerManager: true });
  const transport = createUndiciTransport(
    {
      server: cluster.url,
      source: 'the test',
      namespace: undefined,
      insecureSkipTlsVerify: false,
      tlsServerName: undefined,
      credentials: async () => ({
        ca: readFileSync(cluster.caFile, 'utf8'),
        headers: { authorization: `Bearer ${cluster.adminToken}` },
      }),
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
