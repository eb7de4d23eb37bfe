import { createServer, type Server } from 'node:http';
import { CodedException, codedError } from '../api/errors.ts';

export interface ProbeServerDeps {
  /** Undefined while every loop moves; else what is stuck. */
  stuck: () => string | undefined;
  /** Whether every cache has its first complete state. */
  ready: () => boolean;
  metrics: () => Promise<{ contentType: string; body: string }>;
}

/**
 * Serves /healthz, /readyz and /metrics; resolves when it listens.
 * @throws CodedException PortInUse where the address can't be had.
 */
export function startProbeServer(
  deps: ProbeServerDeps,
  address: { host: string | undefined; port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, contentType = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': contentType });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET only\n');
    switch (request.url?.split('?')[0]) {
      case '/healthz': {
        const stuck = deps.stuck();
        return answer(stuck === undefined ? 200 : 500, `${stuck ?? 'ok'}\n`);
      }
      case '/readyz':
        return deps.ready() ? answer(200, 'ok\n') : answer(503, 'caches are not synced yet\n');
      case '/metrics':
        return void deps.metrics().then(
          ({ contentType, body }) => answer(200, body, contentType),
          (error: unknown) => answer(500, `${String(error)}\n`),
        );
      default:
        return answer(404, 'not found\n');
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${address.host ?? ''}:${address.port}`;
      const message = `Cannot listen on ${where}: ${error.code ?? error.message}, a free address wanted (--http-address)`;
      reject(new CodedException(codedError('PortInUse', message)));
    });
    server.listen({ port: address.port, ...(address.host === undefined ? {} : { host: address.host }) }, () => {
      server.removeAllListeners('error');
      resolve(server);
    });
  });
}
