import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ConnectionConfig, Credentials } from './connection-config.ts';
import { readText } from './exchange.ts';
import { createUndiciTransport } from './undici-transport.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Runs `use` against a server of one handler, on loopback. */
async function withServer(
  handler: Handler,
  use: (transport: ReturnType<typeof createUndiciTransport>, sockets: () => number) => Promise<void>,
  config: Partial<ConnectionConfig> = {},
): Promise<void> {
  const server = createServer(handler);
  let sockets = 0;
  server.on('connection', () => {
    sockets += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const transport = createUndiciTransport(
    {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`,
      source: 'test',
      namespace: undefined,
      insecureSkipTlsVerify: false,
      tlsServerName: undefined,
      credentials: async () => ({ headers: { authorization: 'Bearer one' } }),
      ...config,
    },
    { userAgent: 'nlbports/1.2.3', maxConnections: 2 },
  );
  try {
    await use(transport, () => sockets);
  } finally {
    await transport.close();
    server.closeAllConnections();
    server.close();
  }
}

test("a request arrives with method, path below the server's, headers, user agent, token and body", async () => {
  const seen: unknown[] = [];
  await withServer(
    async (request, response) => {
      const { 'content-type': type, 'user-agent': agent, authorization } = request.headers;
      seen.push(request.method, request.url, type, agent, authorization, await readText(request));
      response.writeHead(201, { 'retry-after': '3' }).end('{"a":1}');
    },
    async transport => {
      const response = await transport.request({
        method: 'PATCH',
        path: '/api/v1/pods?limit=5',
        headers: { 'content-type': 'application/json' },
        body: '{"ü":1}',
      });
      assert.equal(response.status, 201);
      assert.equal(response.headers['retry-after'], '3');
      assert.equal(await readText(response.body), '{"a":1}');
    },
  );
  assert.deepEqual(seen, [
    'PATCH',
    '/base/api/v1/pods?limit=5',
    'application/json',
    'nlbports/1.2.3',
    'Bearer one',
    '{"ü":1}',
  ]);
});

test('after a 401 the request is sent once more with fresh credentials, and not where there are none', async () => {
  const seen: (string | undefined)[] = [];
  const handler: Handler = (request, response) => {
    seen.push(request.headers.authorization);
    const good = request.headers.authorization === 'Bearer two';
    response.writeHead(good ? 200 : 401).end(good ? '{}' : '{"kind":"Status","code":401}');
  };
  const one: Credentials = { headers: { authorization: 'Bearer one' } };
  const two: Credentials = { headers: { authorization: 'Bearer two' } };
  let current = one;
  const rotating = async (rejected?: Credentials) => {
    if (rejected === one) current = two;
    return current;
  };
  await withServer(
    handler,
    async transport => {
      assert.equal((await transport.request({ method: 'GET', path: '/' })).status, 200);
      assert.deepEqual(seen.splice(0), ['Bearer one', 'Bearer two']);
    },
    { credentials: rotating },
  );
  await withServer(
    handler,
    async transport => {
      const response = await transport.request({ method: 'GET', path: '/' });
      assert.equal(response.status, 401);
      assert.match(await readText(response.body), /Status/);
      assert.deepEqual(seen, ['Bearer one']);
    },
    { credentials: async () => one },
  );
});

test('requests go on while watches are silent, on a connection of their own that is used again', async () => {
  await withServer(
    (request, response) => {
      response.writeHead(200);
      if (request.url?.includes('watch')) response.write('{"type":"BOOKMARK"}\n');
      else response.end('{}');
    },
    async (transport, sockets) => {
      const stop = new AbortController();
      const watches = await Promise.all(
        [1, 2, 3].map(() => transport.request({ method: 'GET', path: '/watch', stream: true, signal: stop.signal })),
      );
      for (let turn = 0; turn < 20; turn++) {
        const response = await transport.request({ method: 'GET', path: '/' });
        assert.equal(await readText(response.body), '{}');
      }
      assert.ok(sockets() <= 3 + 2, `${sockets()} connections for three watches and 20 requests, one at a time`);
      const read = watches.map(({ body }) => readText(body));
      stop.abort();
      for (const each of read) await assert.rejects(each);
    },
  );
});

test('an abort closes the connection of a watch', async () => {
  const closed = Promise.withResolvers<void>();
  await withServer(
    (request, response) => {
      request.socket.on('close', () => closed.resolve());
      response.writeHead(200);
      response.write('a');
    },
    async transport => {
      const stop = new AbortController();
      const { body } = await transport.request({ method: 'GET', path: '/', stream: true, signal: stop.signal });
      const iterator = body[Symbol.asyncIterator]();
      assert.equal((await iterator.next()).done, false);
      stop.abort();
      await assert.rejects(iterator.next());
      await closed.promise;
    },
  );
});

test('a body cut off by the server rejects, with or without a length', async () => {
  await withServer(
    (request, response) => {
      if (request.url?.includes('length')) response.writeHead(200, { 'content-length': '100' });
      response.write('{"items":[');
      setImmediate(() => response.destroy());
    },
    async transport => {
      for (const path of ['/length', '/chunked']) {
        const { body } = await transport.request({ method: 'GET', path });
        await assert.rejects(readText(body));
      }
    },
  );
});

test('a server that is not there, and credentials that can not be got, reject', async () => {
  const refused = createUndiciTransport(
    {
      server: 'https://127.0.0.1:1',
      source: 'test',
      namespace: undefined,
      insecureSkipTlsVerify: true,
      tlsServerName: undefined,
      credentials: async () => ({ headers: {} }),
    },
    { userAgent: 'test' },
  );
  await assert.rejects(refused.request({ method: 'GET', path: '/' }), /ECONNREFUSED/);
  await refused.close();
  await withServer(
    (_, response) => response.end(),
    async transport => assert.rejects(transport.request({ method: 'GET', path: '/' }), /no login/),
    { credentials: async () => Promise.reject(new Error('no login')) },
  );
});
