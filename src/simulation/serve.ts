import type { VirtualNetwork } from '../sandbox/virtual-network.ts';

/**
 * Game servers on these ports of one address: they answer datagrams with `name`, and accept connections, so that health
 * checks pass.
 */
export async function serve(
  network: VirtualNetwork,
  name: string,
  ip: string,
  ports: readonly number[],
): Promise<{ close(): Promise<void> }[]> {
  const servers: { close(): Promise<void> }[] = [];
  for (const port of ports) {
    const at = { host: ip, port };
    const tcp = await network.listenTcp(at, connection => {
      connection.attach({
        data: () => connection.write(Buffer.from(name)),
        ended: () => connection.end(),
        closed() {},
        drained() {},
      });
    });
    const udp = await network.bindUdp(at, (_, from) => udp.send(Buffer.from(name), from));
    servers.push(tcp, udp);
  }
  return servers;
}
