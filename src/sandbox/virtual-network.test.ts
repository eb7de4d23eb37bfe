import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { virtualClock } from '../runtime/virtual-clock.ts';
import type { TcpConnection } from './network.ts';
import { virtualNetwork } from './virtual-network.ts';

function listen(events: string[], connection: TcpConnection, name: string): void {
  connection.attach({
    data: bytes => events.push(`${name} data ${Buffer.from(bytes)}`),
    ended: () => events.push(`${name} ended`),
    closed: reset => events.push(`${name} closed${reset ? ' by reset' : ''}`),
    drained() {},
  });
}

describe('virtualNetwork()', () => {
  it('delivers bytes, half-close and close in order', async () => {
    const clock = virtualClock();
    const network = virtualNetwork({ clock });
    const events: string[] = [];
    let server: TcpConnection | undefined;
    await network.listenTcp({ host: '10.0.0.1', port: 80 }, connection => {
      server = connection;
      listen(events, connection, 'server');
    });
    const client = await network.dialTcp({ host: '10.0.0.1', port: 80 }, { timeoutMs: 1000, from: '10.0.0.9' });
    listen(events, client, 'client');
    assert.equal(server!.remote.host, '10.0.0.9');
    client.write(Buffer.from('hello'));
    client.end();
    await clock.settle();
    server!.write(Buffer.from('bye'));
    server!.end();
    await clock.settle();
    const of = (name: string) => events.filter(event => event.startsWith(name));
    assert.deepEqual(of('server'), ['server data hello', 'server ended', 'server closed']);
    assert.deepEqual(of('client'), ['client data bye', 'client ended', 'client closed']);
  });

  it('tells a reset from an end', async () => {
    const clock = virtualClock();
    const network = virtualNetwork({ clock });
    const events: string[] = [];
    await network.listenTcp({ host: '10.0.0.1', port: 80 }, connection => listen(events, connection, 'server'));
    const client = await network.dialTcp({ host: '10.0.0.1', port: 80 }, { timeoutMs: 1000 });
    client.reset();
    await clock.settle();
    assert.deepEqual(events, ['server closed by reset']);
  });

  it('refuses where nobody listens, and a used address', async () => {
    const network = virtualNetwork({ clock: virtualClock() });
    await assert.rejects(network.dialTcp({ host: '10.0.0.1', port: 80 }, { timeoutMs: 1000 }), {
      code: 'ECONNREFUSED',
    });
    await network.bindUdp({ host: '10.0.0.1', port: 53 }, () => {});
    await assert.rejects(
      network.bindUdp({ host: '10.0.0.1', port: 53 }, () => {}),
      { code: 'EADDRINUSE' },
    );
  });

  it('lets dials to a silent host time out, and loses its datagrams', async () => {
    const clock = virtualClock();
    const network = virtualNetwork({ clock, latencyMs: 5 });
    const heard: string[] = [];
    await network.bindUdp({ host: '10.0.0.1', port: 53 }, bytes => heard.push(Buffer.from(bytes).toString()));
    const socket = await network.bindUdp({ host: '10.0.0.9', port: 0 }, () => {});
    network.silence('10.0.0.1');
    socket.send(Buffer.from('lost'), { host: '10.0.0.1', port: 53 });
    const dial = assert.rejects(network.dialTcp({ host: '10.0.0.1', port: 80 }, { timeoutMs: 1000 }), {
      code: 'ETIMEDOUT',
    });
    await clock.advance(1000);
    await dial;
    network.unsilence('10.0.0.1');
    socket.send(Buffer.from('heard'), { host: '10.0.0.1', port: 53 });
    await clock.advance(4);
    assert.deepEqual(heard, []);
    await clock.advance(1);
    assert.deepEqual(heard, ['heard']);
  });
});
