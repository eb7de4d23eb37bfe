import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { createKubelet } from '../../src/sandbox/cluster/kubelet.ts';
import { adminTransport } from './admin-transport.ts';
import type { ControlPlane } from './control-plane.ts';
import { type GameServer, startGameServer } from './game-server.ts';

export interface TestKubeletOptions {
  /** The address of its first pod. */
  firstIp: string;
  /**
   * How long a pod's server goes on after its deletion was asked for, milliseconds: what a preStop hook does for games
   * behind a load balancer.
   * @default 0
   */
  lingerMs?: number;
}

/** A node that runs every pod of a real API server as a server that answers with the pod's name, on 7777 TCP and UDP. */
export async function startKubelet(
  cluster: ControlPlane,
  options: TestKubeletOptions,
): Promise<{ servers: ReadonlyMap<string, GameServer>; stop(): Promise<void> }> {
  const transport = adminTransport(cluster, 'kubelet');
  const servers = new Map<string, GameServer>();
  let isEnding = false;
  const kubelet = createKubelet({
    transport,
    clock: systemClock(),
    random: systemRandom(),
    log: silentLog(),
    options: { addresses: { first: options.firstIp } },
    async startContainer({ metadata: { name } }, ip) {
      const server = await startGameServer({ name, address: ip.replace(/^10\./, '127.') });
      servers.set(name, server);
      let stopped: Promise<void> | undefined;
      return {
        stop() {
          stopped ??= (async () => {
            if (!isEnding) await delay(options.lingerMs ?? 0);
            servers.delete(name);
            await server.close();
          })();
          return stopped;
        },
      };
    },
  });
  await cluster.rest.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  await kubelet.start();
  return {
    servers,
    async stop() {
      isEnding = true;
      await kubelet.stop();
      await transport.close();
    },
  };
}
