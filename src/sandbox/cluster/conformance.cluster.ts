import { adminTransport } from '../../../test/cluster/admin-transport.ts';
import { startControlPlane } from '../../../test/cluster/control-plane.ts';
import { conformance } from './conformance.ts';

conformance('a real kube-apiserver', async () => {
  const cluster = await startControlPlane({ controllerManager: true });
  const transport = adminTransport(cluster, 'conformance');
  return {
    transport,
    async close() {
      await transport.close();
      await cluster.stop();
    },
  };
});
