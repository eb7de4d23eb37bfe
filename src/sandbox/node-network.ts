import { createSocket } from 'node:dgram';
import { isIPv6, connect as netConnect, createServer as netServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Clock } from '../runtime/clock.ts';
import {
  type Closable,
  type DialOptions,
  type Endpoint,
  type Network,
  NetworkError,
  type TcpConnection,
  type TcpHandlers,
  type UdpSocket,
} from './network.ts';

/** The machine's own sockets. `clock` times the dials. */
export function nodeNetwork(deps: { clock: Clock }): Network {
  return {
    listenTcp: (at, onConnection) => listenTcp(at, onConnection),
    dialTcp: (to, options) => dialTcp(deps.clock, to, options),
    bindUdp: (at, onMessage) => bindUdp(at, onMessage),
    // Every address of loopback is one's own, and leads nowhere but to loopback.
    canSendFrom: (from, to) => from.startsWith('127.') && to.startsWith('127.'),
  };
}

function listenTcp(at: Endpoint, onConnection: (connection: TcpConnection) => void): Promise<Closable> {
  return new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    const server = netServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, socket => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      onConnection(wrap(socket));
    });
    server.once('error', reject);
    // A backlog as long as the kernel allows: a burst of clients must not be refused by the sandbox itself.
    server.listen({ host: at.host, port: at.port, backlog: 4096 }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      const bound = server.address() as { address: string; port: number };
      resolve({
        local: { host: bound.address, port: bound.port },
        close: () =>
          new Promise(done => {
            server.close(() => done());
            for (const socket of sockets) socket.resetAndDestroy();
          }),
      });
    });
  });
}

function dialTcp(clock: Clock, to: Endpoint, options: DialOptions): Promise<TcpConnection> {
  return new Promise((resolve, reject) => {
    const where = {
      host: to.host,
      port: to.port,
      allowHalfOpen: true,
      noDelay: true,
      ...(options.from === undefined ? {} : { localAddress: options.from }),
    };
    const socket = options.tls ? tlsConnect({ ...where, rejectUnauthorized: false }) : netConnect(where);
    const timer = clock.after(options.timeoutMs, () => {
      socket.destroy();
      reject(new NetworkError('ETIMEDOUT', `No connection to ${to.host}:${to.port} in ${options.timeoutMs} ms`));
    });
    const failed = (error: Error) => {
      timer.cancel();
      socket.destroy();
      reject(error);
    };
    socket.once('error', failed);
    socket.once(options.tls ? 'secureConnect' : 'connect', () => {
      timer.cancel();
      socket.off('error', failed);
      socket.pause();
      resolve(wrap(socket));
    });
  });
}

function wrap(socket: Socket): TcpConnection {
  // Read once: after the close Node forgets them.
  const local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 };
  const remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
  let failed = false;
  let wasReset = false;
  socket.on('error', () => {
    failed = true;
  });
  return {
    local,
    remote,
    attach(handlers: TcpHandlers) {
      socket.on('data', bytes => handlers.data(bytes as Buffer));
      socket.on('end', () => handlers.ended());
      socket.on('drain', () => handlers.drained());
      if (socket.closed) queueMicrotask(() => handlers.closed(true));
      else socket.once('close', () => handlers.closed(failed || wasReset));
      socket.resume();
    },
    write: bytes => socket.write(bytes),
    end: () => void socket.end(),
    reset() {
      wasReset = true;
      if ('encrypted' in socket) socket.destroy();
      else socket.resetAndDestroy();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

// A burst of thousands of datagrams shall wait here and not be lost; the kernel takes less where it is told to.
const udpBufferBytes = 4 * 1024 * 1024;

/** Hosts are addresses already: Node would ask its resolver for each datagram. */
function noLookup(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, isIPv6(host) ? 6 : 4);
}

function bindUdp(at: Endpoint, onMessage: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const type = isIPv6(at.host) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: udpBufferBytes, lookup: noLookup });
    let open = true;
    socket.once('error', error => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: at.host, port: at.port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      // An unreachable peer of one flow must not end the others.
      socket.on('error', () => {});
      socket.on('message', (bytes, from) => onMessage(bytes, { host: from.address, port: from.port }));
      const bound = socket.address();
      resolve({
        local: { host: bound.address, port: bound.port },
        send(bytes, to) {
          if (open) socket.send(bytes, to.port, to.host, () => {});
        },
        close: () =>
          new Promise(done => {
            if (!open) return done();
            open = false;
            socket.close(() => done());
          }),
      });
    });
  });
}
