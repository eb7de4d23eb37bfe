import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { createElbv2Client } from './elbv2-client.ts';

test('createElbv2Client() speaks over sockets, keeps its connection, and takes its region from the environment', async () => {
  const requests: { authorization: string; connection: number | undefined }[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      requests.push({
        authorization: request.headers.authorization ?? '',
        connection: request.socket.remotePort,
      });
      response.setHeader('x-amzn-requestid', `request-${requests.length}`);
      response.end('<DescribeTagsResponse><DescribeTagsResult/></DescribeTagsResponse>');
    });
  });
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening));
  const client = createElbv2Client({
    clock: virtualClock(),
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    requestTimeoutMs: 5000,
    env: { AWS_DEFAULT_REGION: 'ap-southeast-2' },
  });
  const answers: unknown[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      const attempt = {
        atDoor() {},
        onAnswer: (status: number, requestId: string | undefined) => answers.push([status, requestId]),
      };
      await client.send('DescribeTags', { ResourceArns: ['arn:a'] }, new AbortController().signal, attempt);
    }
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
  assert.deepEqual(answers, [
    [200, 'request-1'],
    [200, 'request-2'],
  ]);
  assert.equal(requests[0]!.connection, requests[1]!.connection);
  assert.match(requests[0]!.authorization, /\/20260101\/ap-southeast-2\/elasticloadbalancing\//);
});

test('createElbv2Client() goes by the proxy that the environment names, unless NO_PROXY takes the endpoint out', async () => {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('<DescribeTagsResponse><DescribeTagsResult/></DescribeTagsResponse>');
  }).on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>(listening => proxy.listen(0, '127.0.0.1', listening));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const ask = async (endpoint: string | undefined, env: Record<string, string>) => {
    const client = createElbv2Client({
      ...{ clock: virtualClock(), endpoint, requestTimeoutMs: 5000, env: { AWS_REGION: 'eu-west-1', ...env } },
      credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    });
    const attempt = { atDoor() {}, onAnswer() {} };
    const input = { ResourceArns: ['arn:a'] };
    await client.send('DescribeTags', input, new AbortController().signal, attempt).finally(() => client.close());
  };
  try {
    // As it is with AWS: a tunnel, which this proxy refuses.
    await assert.rejects(ask('https://elbv2.example.com', { HTTPS_PROXY: address }));
    await ask('http://elbv2.example.com', { http_proxy: address });
    await assert.rejects(ask('http://elbv2.example.com', { HTTP_PROXY: 'http://127.0.0.1:1' }), /ECONNREFUSED/);
    // Straight to the endpoint, here the same server: an emulator on this machine.
    await ask(address, { HTTP_PROXY: 'http://127.0.0.1:1' });
    await assert.rejects(ask('http://127.0.0.2:1', { HTTP_PROXY: address, no_proxy: '127.0.0.2' }), /ECONNREFUSED/);
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
  assert.deepEqual(asked, ['CONNECT elbv2.example.com:443', 'POST http://elbv2.example.com/', 'POST /']);
});
