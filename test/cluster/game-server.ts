import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';

export interface GameServerOptions {
  /** What it answers with. */
  name: string;
  /** A loopback address, such as 127.0.1.5 for a pod with 10.0.1.5 under the usual network map. */
  address: string;
  /** @default 7777 */
  port?: number;
}

/** What stands behind a pod's address. */
export interface GameServer {
  name: string;
  address: string;
  port: number;
  /** Every message that arrived, as text, in order. */
  received: { protocol: 'UDP' | 'TCP'; text: string; from: string }[];
  /** Closes both sockets and all connections. */
  close(): Promise<void>;
}

/**
 * Listens on UDP and TCP of the same address and port, and answers each datagram, and each piece that a connection
 * sends, with its name. A connection that sends nothing, as a health check's, gets no answer.
 */
export async function startGameServer(options: GameServerOptions): Promise<GameServer> {
  const { name, address } = options;
  const port = options.port ?? 7_777;
  const received: GameServer['received'] = [];
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    received.push({ protocol: 'UDP', text: message.toString(), from: `${from.address}:${from.port}` });
    udp.send(name, from.port, from.address);
  });
  const connections = new Set<Socket>();
  const tcp = createServer({ allowHalfOpen: true }, socket => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('data', data => {
      received.push({ protocol: 'TCP', text: data.toString(), from: `${socket.remoteAddress}:${socket.remotePort}` });
      socket.write(name);
    });
  });
  await bindUdp(udp, address, port);
  await listenTcp(tcp, address, port).catch(error => {
    udp.close();
    throw error;
  });
  udp.on('error', () => {});
  return {
    name,
    address,
    port,
    received,
    async close() {
      await new Promise<void>(done => udp.close(() => done()));
      const closed = new Promise<void>(done => tcp.close(() => done()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function bindUdp(socket: UdpSocket, address: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    socket.once('error', fail);
    socket.bind(port, address, () => {
      socket.off('error', fail);
      done();
    });
  });
}

function listenTcp(server: Server, address: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, address, () => {
      server.off('error', fail);
      done();
    });
  });
}
