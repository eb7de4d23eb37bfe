import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { type HttpListener, listenHttp } from '../listen-http.ts';
import { type AdminDeps, handleAdmin } from './admin.ts';
import type { ElbHandler } from './elbv2.ts';
import { LostAnswer } from './faults.ts';

/** What the HTTP front needs: whom to ask, and what the admin surface shows. */
export interface ServeDeps extends AdminDeps {
  readonly handle: ElbHandler;
  readonly clock: Clock;
  readonly log: Log;
}

// A body beyond what `handle` accepts is cut off here already.
const maxBodyBytes = 4 * 1024 * 1024;

/** Listens on loopback; port 0 takes a free one. Raises the system's error where the port can't be had. */
export async function serveElbv2(deps: ServeDeps, at: { host?: string; port: number }): Promise<HttpListener> {
  const server = createServer((request, response) => {
    answer(deps, request, response).catch((error: unknown) => {
      // A client that went away in the middle of its request is no failure of ours.
      if (!(error instanceof LostAnswer || request.aborted))
        deps.log.error({ code: 'EmulatorFailure', error: String(error) }, 'Cannot answer a request');
      // A reset, which no client can take for an answer.
      request.socket.resetAndDestroy();
    });
  });
  return await listenHttp(server, { host: at.host ?? '127.0.0.1', port: at.port });
}

async function answer(deps: ServeDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) {
    response.writeHead(413, { 'content-type': 'text/plain', connection: 'close' }).end('The request is too large.\n');
    return;
  }
  const path = request.url ?? '/';
  const method = request.method ?? 'GET';
  const found = path.startsWith('/_emulator/')
    ? handleAdmin(deps, { method, path, body })
    : await deps.handle({ method, path, headers: singleHeaders(request), body });
  const bytes = Buffer.from(found.body);
  response.writeHead(found.status, { ...found.headers, 'content-length': bytes.length }).end(bytes);
}

function singleHeaders(request: IncomingMessage): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name] = Array.isArray(value) ? value[0] : value;
  return headers;
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
