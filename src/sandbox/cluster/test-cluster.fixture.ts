import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../../runtime/virtual-clock.ts';
import { type ClusterDeps, createCluster, type SimulatedCluster } from './cluster.ts';
import { type Api, createApi } from './conformance/api.ts';

/** A simulated API under a virtual clock, with the conformance suite's way of asking. */
export interface TestCluster {
  clock: VirtualClock;
  cluster: SimulatedCluster;
  api: Api;
}

/** Makes one; its api works in the namespace `default`. */
export function testCluster(deps: Partial<ClusterDeps> = {}): TestCluster {
  const clock = virtualClock();
  const cluster = createCluster({ clock, random: seededRandom(7), log: silentLog(), ...deps });
  return { clock, cluster, api: createApi(cluster.transport, 'default', 'test') };
}
