import { readFileSync } from 'node:fs';
import { applyFiles } from '../../test/cluster/apply.ts';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import { eventually } from '../../test/cluster/eventually.ts';
import { createKubeClient } from '../kube/client.ts';
import { createUndiciTransport } from '../kube/undici-transport.ts';
import { systemClock } from '../runtime/clock.ts';
import { claimTransitions } from './claim-transitions.ts';

claimTransitions('a real kube-apiserver', async () => {
  const cluster = await startControlPlane({ controllerManager: false });
  await applyFiles(cluster.rest, 'deploy/crds/nlbports.dev_nlbports.yaml');
  await eventually(() => cluster.rest.list('/apis/nlbports.dev/v1alpha1/nlbports'), 10_000);
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
    { userAgent: 'claims' },
  );
  return {
    client: createKubeClient({ transport, clock: systemClock() }),
    async close() {
      await transport.close();
      await cluster.stop();
    },
  };
});
