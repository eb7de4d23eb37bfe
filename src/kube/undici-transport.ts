import { Agent, buildConnector, type Dispatcher } from 'undici';
import type { ConnectionConfig, Credentials } from './connection-config.ts';
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts';

export interface UndiciTransportOptions {
  /** Such as `nlbports/1.2.3`: how we show in the API server's audit log and metrics. */
  userAgent: string;
  /** Wait for a connection, for an answer's headers and between pieces of its body. @default 10000 */
  requestTimeoutMs?: number;
  /**
   * Longest silence of a watch. Bookmarks come once a minute, so 75-90 s means a dead connection; it stays above the
   * informers' own 75 s, which act first and say so. @default 85000
   */
  streamIdleMs?: number;
  /** Connections for requests that are not watches; more requests wait for one. @default 64 */
  maxConnections?: number;
}

/**
 * First probe of a silent TCP connection, so that one which a firewall forgot is noticed by the kernel as well; below
 * the 350 s after which AWS load balancers and NAT gateways drop a silent flow.
 */
const TCP_KEEP_ALIVE_MS = 15_000;
/** A watch's headers come when its first state is ready, which takes long on a large and busy cluster. */
const STREAM_HEADERS_MS = 60_000;
/** Longer than the pause between two renewals of the Lease, so that these don't need a new TLS handshake each. */
const IDLE_CONNECTION_MS = 30_000;

interface Agents {
  requests: Agent;
  streams: Agent;
}

/**
 * Talks to a real API server: HTTP/1.1 on undici. Watches have connections of their own, as one that waits for a
 * minute must not hold up a request; HTTP/2 is off because 100 watches in one session made GETs hang, and a dead
 * session takes its requests along (measured).
 */
export function createUndiciTransport(config: ConnectionConfig, options: UndiciTransportOptions): KubeTransport {
  const { userAgent, requestTimeoutMs = 10_000, streamIdleMs = 85_000, maxConnections = 64 } = options;
  const base = new URL(config.server);
  const prefix = base.pathname.replace(/\/+$/, '');
  let agents: Agents | undefined;
  let agentsFor: Credentials | undefined;
  const retiring = new Set<Agents>();

  function makeAgents(credentials: Credentials): Agents {
    const { tlsServerName } = config;
    const plain = buildConnector({
      allowH2: false,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      timeout: requestTimeoutMs,
      rejectUnauthorized: !config.insecureSkipTlsVerify,
      ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
      ...(credentials.certificate === undefined ? {} : { cert: credentials.certificate }),
      ...(credentials.key === undefined ? {} : { key: credentials.key }),
    });
    // As an option of the connector the name would give way to a URL's host name.
    const connect: typeof plain =
      tlsServerName === undefined ? plain : (to, done) => plain({ ...to, servername: tlsServerName }, done);
    return {
      requests: new Agent({
        allowH2: false,
        connect,
        connections: maxConnections,
        keepAliveTimeout: IDLE_CONNECTION_MS,
        headersTimeout: requestTimeoutMs,
        bodyTimeout: requestTimeoutMs,
      }),
      streams: new Agent({
        allowH2: false,
        connect,
        connections: null,
        headersTimeout: STREAM_HEADERS_MS,
        bodyTimeout: streamIdleMs,
      }),
    };
  }

  /** New certificates need new connections; what runs on the old ones ends there, watches at their own time. */
  function agentsOf(credentials: Credentials): Agents {
    if (agents && agentsFor && sameTls(agentsFor, credentials)) return agents;
    if (agents) {
      const old = agents;
      retiring.add(old);
      Promise.allSettled([old.requests.close(), old.streams.close()]).then(() => retiring.delete(old));
    }
    agents = makeAgents(credentials);
    agentsFor = credentials;
    return agents;
  }

  async function send(request: KubeRequest, credentials: Credentials): Promise<Dispatcher.ResponseData> {
    const { requests, streams } = agentsOf(credentials);
    return await (request.stream ? streams : requests).request({
      origin: base.origin,
      path: `${prefix}${request.path}`,
      method: request.method,
      headers: { 'user-agent': userAgent, ...request.headers, ...credentials.headers },
      body: request.body ?? null,
      signal: request.signal ?? null,
    });
  }

  return {
    async request(request): Promise<KubeResponse> {
      const credentials = await config.credentials();
      let response = await send(request, credentials);
      if (response.statusCode === 401) {
        // Refused before anything was done, so the request may be sent again.
        const fresh = await config.credentials(credentials);
        if (!sameCredentials(fresh, credentials)) {
          await response.body.dump();
          response = await send(request, fresh);
        }
      }
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(response.headers)) {
        if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
      }
      return { status: response.statusCode, headers, body: response.body };
    },

    async close() {
      const all = [...retiring, ...(agents ? [agents] : [])];
      await Promise.all(all.flatMap(each => [each.requests.destroy(), each.streams.destroy()]));
    },
  };
}

const sameTls = (a: Credentials, b: Credentials) => a.ca === b.ca && a.certificate === b.certificate && a.key === b.key;

const sameCredentials = (a: Credentials, b: Credentials) =>
  sameTls(a, b) && JSON.stringify(a.headers) === JSON.stringify(b.headers);
