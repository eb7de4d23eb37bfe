import { customResourceDefinitions } from '../api/crd.ts';
import { createKubeClient } from '../kube/client.ts';
import { systemClock } from '../runtime/clock.ts';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { createCluster } from '../sandbox/cluster/cluster.ts';
import { claimTransitions } from './claim-transitions.ts';

claimTransitions('the simulated API', async () => {
  const clock = systemClock();
  const crds = Object.values(customResourceDefinitions());
  const cluster = createCluster({ clock, random: seededRandom(1), log: silentLog(), crds });
  const client = createKubeClient({ transport: cluster.transport, clock });
  return { client, close: () => cluster.stop() };
});
