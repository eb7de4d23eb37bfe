import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../runtime/log.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { virtualNetwork } from '../virtual-network.ts';
import { gameServers } from './game-server.ts';

async function setUp() {
  const clock = virtualClock();
  const network = virtualNetwork({ clock });
  const start = gameServers({ network, log: silentLog(), hostFor: ip => ip.replace('10.', '127.') });
  const pod = {
    metadata: { name: 'room-1', namespace: 'default' },
    spec: {
      containers: [
        {
          name: 'game',
          ports: [
            { containerPort: 7777, protocol: 'UDP' },
            { containerPort: 80, protocol: 'TCP' },
          ],
        },
      ],
    },
  };
  const server = await start(pod, '10.0.1.5');
  async function tcp(port: number, text: string): Promise<{ text: string; ended: boolean }> {
    const connection = await network.dialTcp({ host: '127.0.1.5', port }, { timeoutMs: 100 });
    const seen = { text: '', ended: false };
    connection.attach({
      data: bytes => {
        seen.text += Buffer.from(bytes).toString();
      },
      ended: () => {
        seen.ended = true;
      },
      closed: () => {},
      drained: () => {},
    });
    connection.write(Buffer.from(text));
    await clock.settle();
    return seen;
  }
  return { clock, network, server, tcp };
}

describe('gameServers()', () => {
  it("answers every datagram with the pod's name", async () => {
    const { network, clock } = await setUp();
    const got: string[] = [];
    const client = await network.bindUdp({ host: '127.0.0.1', port: 0 }, bytes =>
      got.push(Buffer.from(bytes).toString()),
    );
    client.send(Buffer.from('hello'), { host: '127.0.1.5', port: 7777 });
    client.send(Buffer.from('again'), { host: '127.0.1.5', port: 7777 });
    await clock.settle();
    assert.deepEqual(got, ['room-1', 'room-1']);
  });

  it('answers what a TCP connection sends on a UDP port too, so that health checks find it', async () => {
    const { tcp } = await setUp();
    assert.equal((await tcp(7777, 'hello')).text, 'room-1');
  });

  it('answers HTTP on port 80 like a fresh nginx, naming the pod', async () => {
    const { tcp } = await setUp();
    const { text, ended } = await tcp(80, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(text, /^HTTP\/1\.1 200 OK\r\nServer: nginx/);
    assert.match(text, /Welcome to nginx!.*room-1/);
    assert.equal(ended, false);
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    assert.equal(Number(/Content-Length: (\d+)/.exec(text)![1]), Buffer.byteLength(body));
  });

  it('answers HEAD without a body, 404 for other pages, 400 for what is no HTTP, and closes when asked', async () => {
    const { tcp } = await setUp();
    assert.ok((await tcp(80, 'HEAD / HTTP/1.1\r\n\r\n')).text.endsWith('\r\n\r\n'));
    assert.match((await tcp(80, 'GET /other HTTP/1.1\r\n\r\n')).text, /^HTTP\/1\.1 404 /);
    assert.match((await tcp(80, 'nonsense\r\n\r\n')).text, /^HTTP\/1\.1 400 /);
    assert.equal((await tcp(80, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).ended, true);
  });

  it('opens all ports or none, and frees them when it is stopped', async () => {
    const { network, server } = await setUp();
    await server.stop();
    const taken = await network.listenTcp({ host: '127.0.1.5', port: 80 }, () => {});
    const start = gameServers({ network, log: silentLog() });
    const pod = {
      metadata: { name: 'room-2', namespace: 'default' },
      spec: { containers: [{ name: 'game', ports: [{ containerPort: 7777 }, { containerPort: 80 }] }] },
    };
    await assert.rejects(start(pod, '127.0.1.5'), { code: 'EADDRINUSE' });
    const free = await network.listenTcp({ host: '127.0.1.5', port: 7777 }, () => {});
    await free.close();
    await taken.close();
  });
});
