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
