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

/** A network in memory: no socket, no thread, and the same order of events every time. Any address can be used. */
export interface VirtualNetwork extends Network {
  /** A host that is gone without a word: dials to it time out, datagrams vanish, its connections fall silent. */
  silence(host: string): void;
  unsilence(host: string): void;
}

/**
 * Everything arrives after `latencyMs`, in the order in which it was sent. With no latency it arrives in the same turn
 * of the clock, by microtasks. There is no loss, no backpressure and no TLS: a TLS dial is a plain one.
 */
export function virtualNetwork(deps: { clock: Clock; latencyMs?: number }): VirtualNetwork {
  const { clock, latencyMs = 0 } = deps;
  const servers = new Map<string, (connection: TcpConnection) => void>();
  const sockets = new Map<string, (bytes: Uint8Array, from: Endpoint) => void>();
  const silent = new Set<string>();
  // Above what a person would choose, as the ranges of real systems are.
  let nextPort = 49_152;

  const name = (at: Endpoint) => `${at.host} ${at.port}`;
  const deliver = (run: () => void) => {
    if (latencyMs > 0) clock.after(latencyMs, run);
    else queueMicrotask(run);
  };

  function freePort(host: string, taken: ReadonlyMap<string, unknown>): number {
    for (let tries = 0; tries < 16_384; tries++) {
      const port = nextPort;
      nextPort = nextPort === 65_535 ? 49_152 : nextPort + 1;
      if (!taken.has(name({ host, port }))) return port;
    }
    throw new NetworkError('EADDRINUSE', `No port is free on ${host}`);
  }

  function bind<H>(taken: Map<string, H>, at: Endpoint, handler: H): { local: Endpoint; release(): void } {
    const local = at.port === 0 ? { host: at.host, port: freePort(at.host, taken) } : at;
    if (taken.has(name(local))) throw new NetworkError('EADDRINUSE', `${local.host}:${local.port} is in use`);
    taken.set(name(local), handler);
    return { local, release: () => void taken.delete(name(local)) };
  }

  return {
    silence: host => void silent.add(host),
    unsilence: host => void silent.delete(host),
    canSendFrom: () => true,

    async listenTcp(at, onConnection): Promise<Closable> {
      const live = new Set<TcpConnection>();
      const { local, release } = bind(servers, at, (connection: TcpConnection) => {
        live.add(connection);
        onConnection(connection);
      });
      return {
        local,
        async close() {
          release();
          for (const connection of live) connection.reset();
        },
      };
    },

    dialTcp(to: Endpoint, options: DialOptions): Promise<TcpConnection> {
      const local = { host: options.from ?? '127.0.0.1', port: freePort(options.from ?? '127.0.0.1', servers) };
      return new Promise((resolve, reject) => {
        if (silent.has(to.host)) {
          clock.after(options.timeoutMs, () =>
            reject(new NetworkError('ETIMEDOUT', `No answer from ${to.host}:${to.port}`)),
          );
          return;
        }
        deliver(() => {
          const accept = servers.get(name(to));
          if (!accept) {
            reject(new NetworkError('ECONNREFUSED', `Nobody listens on ${to.host}:${to.port}`));
            return;
          }
          const isCut = () => silent.has(to.host) || silent.has(local.host);
          const [near, far] = connectionPair(local, to, run => deliver(() => void (isCut() || run())));
          accept(far);
          resolve(near);
        });
      });
    },

    async bindUdp(at, onMessage): Promise<UdpSocket> {
      const { local, release } = bind(sockets, at, onMessage);
      let open = true;
      return {
        local,
        send(bytes, to) {
          if (!open || silent.has(to.host) || silent.has(local.host)) return;
          const copy = Uint8Array.from(bytes);
          deliver(() => sockets.get(name(to))?.(copy, local));
        },
        async close() {
          open = false;
          release();
        },
      };
    },
  };
}

type Event = (handlers: TcpHandlers) => void;

/** Two ends of one connection. */
function connectionPair(
  near: Endpoint,
  far: Endpoint,
  deliver: (run: () => void) => void,
): [TcpConnection, TcpConnection] {
  const a = side(near, far);
  const b = side(far, near);
  const link = (from: ReturnType<typeof side>, to: ReturnType<typeof side>) => {
    from.transmit = event => deliver(() => to.receive(event));
  };
  link(a, b);
  link(b, a);
  return [a.connection, b.connection];
}

function side(local: Endpoint, remote: Endpoint) {
  let handlers: TcpHandlers | undefined;
  let waiting: Event[] = [];
  let paused = false;
  let closed = false;
  let wasReset = false;

  function flush(): void {
    while (handlers && !paused && waiting.length > 0) waiting.shift()!(handlers);
  }

  function close(reset: boolean): void {
    if (closed) return;
    closed = true;
    waiting = [];
    wasReset = reset;
    const told = handlers;
    if (told) queueMicrotask(() => told.closed(reset));
  }

  const self = {
    hasEnded: false,
    hasReceivedEnd: false,
    transmit: (_event: 'end' | 'reset' | Uint8Array) => {},
    receive(event: 'end' | 'reset' | Uint8Array) {
      if (closed) return;
      if (event === 'reset') {
        close(true);
        return;
      }
      waiting.push(
        event === 'end'
          ? to => {
              self.hasReceivedEnd = true;
              to.ended();
              if (self.hasEnded) close(false);
            }
          : to => to.data(event),
      );
      flush();
    },
    connection: {
      local,
      remote,
      attach(to: TcpHandlers) {
        handlers = to;
        if (closed) queueMicrotask(() => to.closed(wasReset));
        else flush();
      },
      write(bytes: Uint8Array) {
        if (!closed && !self.hasEnded) self.transmit(Uint8Array.from(bytes));
        return true;
      },
      end() {
        if (closed || self.hasEnded) return;
        self.hasEnded = true;
        self.transmit('end');
        if (self.hasReceivedEnd) close(false);
      },
      reset() {
        if (closed) return;
        self.transmit('reset');
        close(true);
      },
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        flush();
      },
    } satisfies TcpConnection,
  };
  return self;
}
