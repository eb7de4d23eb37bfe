/** An IP address and a port, as text and number: `{ host: '127.64.0.1', port: 30000 }`. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the owner of a connection wants to hear of it. `closed` comes exactly once and last. */
export interface TcpHandlers {
  data(bytes: Uint8Array): void;
  /** The peer has sent its last byte; this side may still write (half-close). */
  ended(): void;
  /** The connection is gone; `reset` where it did not end in order. */
  closed(reset: boolean): void;
  /** After `write` has answered false: there is room again. */
  drained(): void;
}

/** One TCP connection. Nothing is delivered until `attach` is called. */
export interface TcpConnection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  attach(handlers: TcpHandlers): void;
  /** Sends; false asks the caller to wait for `drained` before it sends more. */
  write(bytes: Uint8Array): boolean;
  /** Sends the last byte and keeps receiving. */
  end(): void;
  /** Ends it at once: the peer sees a reset. */
  reset(): void;
  pause(): void;
  resume(): void;
}

/** A socket that listens, or a UDP socket: something at an address that can be closed. */
export interface Closable {
  readonly local: Endpoint;
  close(): Promise<void>;
}

/** A UDP socket. */
export interface UdpSocket extends Closable {
  /** Fire and forget, as UDP is: a datagram that can't be sent is lost. */
  send(bytes: Uint8Array, to: Endpoint): void;
}

/** How a TCP connection is made. */
export interface DialOptions {
  /** Milliseconds until the attempt is given up. */
  timeoutMs: number;
  /** The own address to dial from; any where left out. */
  from?: string;
  /** TLS on top, any certificate accepted: what an HTTPS health check does. */
  tls?: boolean;
}

/**
 * Everything that the sandbox sends and receives goes through this, so that a simulation can hand in a network without
 * sockets. A failure is an `Error` with a `code` as Node names it: `EADDRINUSE`, `EADDRNOTAVAIL`, `ECONNREFUSED`,
 * `ETIMEDOUT`, `ECONNRESET`.
 */
export interface Network {
  listenTcp(at: Endpoint, onConnection: (connection: TcpConnection) => void): Promise<Closable>;
  dialTcp(to: Endpoint, options: DialOptions): Promise<TcpConnection>;
  /** Whether packets can leave from the own or a client's address `from` towards `to`. */
  canSendFrom(from: string, to: string): boolean;
  /** Port 0 takes a free one. */
  bindUdp(at: Endpoint, onMessage: (bytes: Uint8Array, from: Endpoint) => void): Promise<UdpSocket>;
}

/** Raised by a network; `code` is the name of the system error. */
export class NetworkError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = 'NetworkError';
    this.code = code;
  }
}

/** The system's name of a failure, `UNKNOWN` where it has none. */
export function networkErrorCode(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
