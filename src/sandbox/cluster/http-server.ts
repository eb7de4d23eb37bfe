import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { KubeRequest, KubeResponse } from '../../kube/transport.ts';
import type { Log } from '../../runtime/log.ts';
import { type HttpListener, listenHttp } from '../listen-http.ts';
import { badRequest, tooLarge } from './api-error.ts';
import { type ApiHandler, errorResponse } from './api-handler.ts';
import { readProtobuf } from './protobuf.ts';

/** A little over what the API accepts, so that the refusal comes from there. */
const maxBytes = 3 * 1024 * 1024 + 1024;

/** Serves `handle` over plain HTTP. Rejects where the port is taken. */
export async function serveHttp(deps: {
  handle: ApiHandler;
  log: Log;
  host: string;
  port: number;
}): Promise<HttpListener> {
  const server = createServer((incoming, outgoing) => {
    serveOne(deps.handle, incoming, outgoing).catch((error: unknown) => {
      deps.log.debug({ error, path: incoming.url }, 'A connection to the simulated API server broke.');
      outgoing.destroy();
    });
  });
  server.requestTimeout = 0;
  return await listenHttp(server, { host: deps.host, port: deps.port });
}

async function serveOne(handle: ApiHandler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const bytes = await readAll(incoming);
  const abort = new AbortController();
  outgoing.once('close', () => abort.abort());
  const response = await answer(handle, incoming, bytes, abort.signal);
  outgoing.writeHead(response.status, response.headers);
  outgoing.flushHeaders();
  try {
    for await (const chunk of response.body) {
      if (!outgoing.write(chunk)) await drained(outgoing);
      if (outgoing.destroyed) return;
    }
    outgoing.end();
  } catch (error) {
    outgoing.destroy();
    if (!abort.signal.aborted) throw error;
  }
}

/** The handler reads text: protobuf, which kubectl sends now and then, is turned into JSON on the way in. */
async function answer(
  handle: ApiHandler,
  incoming: IncomingMessage,
  bytes: Buffer | undefined,
  signal: AbortSignal,
): Promise<KubeResponse> {
  if (bytes === undefined) return errorResponse(tooLarge('limit is 3145728'));
  const headers = incoming.headers as Record<string, string>;
  let body = bytes.toString('utf8');
  if (bytes.length > 0 && headers['content-type']?.startsWith('application/vnd.kubernetes.protobuf')) {
    const read = readProtobuf(bytes);
    if (read.outcome === 'malformed') return errorResponse(badRequest(`error decoding the body: ${read.message}`));
    // Of a kind that is not read, the handler knows whether it is simulated at all.
    body = read.outcome === 'read' ? JSON.stringify(read.object) : '';
    if (read.outcome === 'read') headers['content-type'] = 'application/json';
  }
  return await handle({
    method: (incoming.method ?? 'GET') as KubeRequest['method'],
    path: incoming.url ?? '/',
    headers,
    ...(body === '' ? {} : { body }),
    signal,
  });
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      resolve();
    };
    outgoing.once('drain', done);
    outgoing.once('close', done);
  });
}

async function readAll(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  return bytes > maxBytes ? undefined : Buffer.concat(chunks);
}
