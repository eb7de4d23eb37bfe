import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { askThrough } from '../controllers/ask-through.ts';
import { probeOf } from '../core/probe.ts';
import { systemClock } from '../runtime/clock.ts';
import { nodeNetwork } from '../sandbox/node-network.ts';
import { systemConversations } from './system-conversations.ts';

const clock = systemClock();
const servers = nodeNetwork({ clock });
const ending: { close(): Promise<void> }[] = [];
after(() => Promise.all(ending.map(server => server.close())));

const ask = (protocol: 'TCP' | 'UDP', port: number, expect = 'you said ping') => {
  const spec = { protocol, readiness: { settle: '0s', probe: { send: 'ping', expect, encoding: 'Text' as const } } };
  return askThrough({ network: systemConversations(), clock }, '127.0.0.1', port, probeOf(spec)!);
};

test("over the machine's own UDP socket an answer is heard", async () => {
  const server = await servers.bindUdp({ host: '127.0.0.1', port: 0 }, (bytes, from) =>
    server.send(Buffer.concat([Buffer.from('you said '), bytes]), from),
  );
  ending.push(server);
  assert.equal((await ask('UDP', server.local.port)).outcome, 'expected');
});

test("over the machine's own TCP socket an answer in pieces is heard, and an end without it is a wrong answer", async () => {
  const server = await servers.listenTcp({ host: '127.0.0.1', port: 0 }, connection => {
    connection.attach({
      data(bytes) {
        connection.write(Buffer.from('you said '));
        connection.write(bytes);
        connection.end();
      },
      ended() {},
      closed() {},
      drained() {},
    });
  });
  ending.push(server);
  assert.equal((await ask('TCP', server.local.port)).outcome, 'expected');
  const other = await ask('TCP', server.local.port, 'pong');
  assert.deepEqual([other.outcome, other.heard.toString()], ['wrong', 'you said ping']);
});

test('a port on which nobody listens is silent at once, by TCP and by UDP', async () => {
  const free = await servers.bindUdp({ host: '127.0.0.1', port: 0 }, () => {});
  await free.close();
  for (const protocol of ['TCP', 'UDP'] as const) {
    assert.equal((await ask(protocol, free.local.port)).outcome, 'silent');
  }
});
