import type { VirtualNetwork } from '../../sandbox/virtual-network.ts';

/** The ports on which every game server of a run listens. */
export const servedPorts = [7777, 7778, 7779] as const;

/** Game servers that answer with their pod's uid, and accept connections, so that health checks pass. */
export async function serve(network: VirtualNetwork, uid: string, ip: string): Promise<{ close(): Promise<void> }[]> {
  const servers: { close(): Promise<void> }[] = [];
  for (const port of servedPorts) {
    const at = { host: ip, port };
    const tcp = await network.listenTcp(at, connection => {
      connection.attach({
        data: () => connection.write(Buffer.from(uid)),
        ended: () => connection.end(),
        closed() {},
        drained() {},
      });
    });
    const udp = await network.bindUdp(at, (_, from) => udp.send(Buffer.from(uid), from));
    servers.push(tcp, udp);
  }
  return servers;
}
