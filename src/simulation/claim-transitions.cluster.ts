import { adminTransport } from '../../test/cluster/admin-transport.ts';
import { applyFiles } from '../../test/cluster/apply.ts';
import { startControlPlane } from '../../test/cluster/control-plane.ts';
import { eventually } from '../../test/cluster/eventually.ts';
import { createKubeClient } from '../kube/client.ts';
import { systemClock } from '../runtime/clock.ts';
import { claimTransitions } from './claim-transitions.ts';

claimTransitions('a real kube-apiserver', async () => {
  const cluster = await startControlPlane({ controllerManager: false });
  await applyFiles(cluster.rest, 'deploy/crds/nlbports.dev_nlbports.yaml');
  await eventually(() => cluster.rest.list('/apis/nlbports.dev/v1alpha1/nlbports'), 10_000);
  const transport = adminTransport(cluster, 'claims');
  return {
    client: createKubeClient({ transport, clock: systemClock() }),
    async close() {
      await transport.close();
      await cluster.stop();
    },
  };
});
