import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Log, silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../../runtime/virtual-clock.ts';
import type { TcpConnection, UdpSocket } from '../network.ts';
import { type VirtualNetwork, virtualNetwork } from '../virtual-network.ts';
import { createElbv2, type Elbv2 } from './elbv2.ts';
import { profileSettings } from './settings.ts';
import { testClient } from './test-client.ts';

interface Lab {
  clock: VirtualClock;
  network: VirtualNetwork;
  emulator: Elbv2;
  call: ReturnType<typeof testClient>;
  address: string;
  loadBalancer: string;
  group: string;
  listener: string;
  attributes(...pairs: [string, string][]): Promise<void>;
  register(...targets: string[]): Promise<void>;
  deregister(...targets: string[]): Promise<void>;
}

async function lab(
  protocol: 'TCP' | 'UDP' | 'TCP_UDP',
  options: { set?: Record<string, string>; log?: Log; network?: VirtualNetwork } = {},
): Promise<Lab> {
  const clock = virtualClock();
  const network = options.network ?? virtualNetwork({ clock });
  const settings = profileSettings('instant', options.set);
  const emulator = createElbv2({ clock, random: seededRandom(1), network, log: options.log ?? silentLog(), settings });
  const call = testClient(emulator.handle, clock);
  const made = await call('CreateLoadBalancer', { Name: 'game-1', Type: 'network', Subnets: ['subnet-1'] });
  const group = (
    await call('CreateTargetGroup', {
      Name: 'room-1',
      Protocol: protocol,
      Port: 7777,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthCheckPort: '80',
      HealthCheckIntervalSeconds: 10,
    })
  ).text('TargetGroupArn')!;
  const loadBalancer = made.text('LoadBalancerArn')!;
  const listener = (
    await call('CreateListener', {
      LoadBalancerArn: loadBalancer,
      Protocol: protocol,
      Port: 30_000,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: group }],
    })
  ).text('ListenerArn')!;
  const targets = (ids: string[]) => ids.map(Id => ({ Id }));
  return {
    clock,
    network,
    emulator,
    call,
    address: made.text('IpAddress')!,
    loadBalancer,
    group,
    listener,
    async attributes(...pairs) {
      const Attributes = pairs.map(([Key, Value]) => ({ Key, Value }));
      assert.equal(
        (await call('ModifyTargetGroupAttributes', { TargetGroupArn: group, Attributes })).message,
        undefined,
      );
    },
    async register(...ids) {
      assert.equal(
        (await call('RegisterTargets', { TargetGroupArn: group, Targets: targets(ids) })).message,
        undefined,
      );
      await clock.settle();
    },
    async deregister(...ids) {
      assert.equal(
        (await call('DeregisterTargets', { TargetGroupArn: group, Targets: targets(ids) })).message,
        undefined,
      );
      await clock.settle();
    },
  };
}

/** A room: answers every datagram and line with its name, and passes health checks. */
async function room(network: VirtualNetwork, host: string, options: { healthy?: boolean } = {}) {
  const seen: { clients: string[]; bytes: string[]; connections: TcpConnection[]; events: string[] } = {
    clients: [],
    bytes: [],
    connections: [],
    events: [],
  };
  const udp = await network.bindUdp({ host, port: 7777 }, (bytes, from) => {
    seen.clients.push(`${from.host}:${from.port}`);
    udp.send(Buffer.from(`${host} heard ${Buffer.from(bytes)}`), from);
  });
  const tcp = await network.listenTcp({ host, port: 7777 }, connection => {
    seen.connections.push(connection);
    seen.clients.push(`${connection.remote.host}:${connection.remote.port}`);
    connection.attach({
      data(bytes) {
        seen.bytes.push(Buffer.from(bytes).toString('latin1'));
        connection.write(Buffer.from(`${host} heard ${Buffer.from(bytes)}`));
      },
      ended: () => seen.events.push('ended'),
      closed: reset => seen.events.push(reset ? 'reset' : 'closed'),
      drained() {},
    });
  });
  const health = options.healthy === false ? undefined : await network.listenTcp({ host, port: 80 }, () => {});
  return { ...seen, udp, tcp, health };
}

async function udpClient(network: VirtualNetwork, clock: VirtualClock, host = '203.0.113.5') {
  const heard: string[] = [];
  const socket: UdpSocket = await network.bindUdp({ host, port: 0 }, (bytes, from) =>
    heard.push(`${from.port} ${Buffer.from(bytes)}`),
  );
  return {
    heard,
    socket,
    async ask(text: string, to: string): Promise<string | undefined> {
      heard.length = 0;
      socket.send(Buffer.from(text), { host: to, port: 30_000 });
      await clock.settle();
      return heard[0];
    },
  };
}

async function tcpClient(network: VirtualNetwork, clock: VirtualClock, to: string, from = '203.0.113.5') {
  const heard: string[] = [];
  const events: string[] = [];
  const connection = await network.dialTcp({ host: to, port: 30_000 }, { timeoutMs: 1000, from });
  connection.attach({
    data: bytes => heard.push(Buffer.from(bytes).toString()),
    ended: () => events.push('ended'),
    closed: reset => events.push(reset ? 'reset' : 'closed'),
    drained() {},
  });
  await clock.settle();
  return { heard, events, connection };
}

describe('data plane, UDP', () => {
  it('brings a datagram to the target and the answer back from the port', async () => {
    const { network, clock, address, register } = await lab('UDP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    assert.equal(await client.ask('hello', address), '30000 10.0.0.1 heard hello');
  });

  it('drops datagrams while no target is registered', async () => {
    const { network, clock, address } = await lab('UDP');
    const client = await udpClient(network, clock);
    assert.equal(await client.ask('hello', address), undefined);
  });

  it('keeps each client on its target, and spreads clients over targets', async () => {
    const { network, clock, address, register } = await lab('UDP');
    const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
    for (const host of hosts) await room(network, host);
    await register(...hosts);
    const counts = new Map<string, number>();
    for (let n = 0; n < 90; n++) {
      const client = await udpClient(network, clock);
      const first = (await client.ask('a', address))!.split(' ')[1]!;
      assert.equal((await client.ask('b', address))!.split(' ')[1], first);
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const host of hosts) assert.ok(counts.get(host)! > 10, JSON.stringify([...counts]));
  });

  it('shows each flow to the target under a port of its own, with the client address kept', async () => {
    const { network, clock, address, register } = await lab('UDP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const one = await udpClient(network, clock);
    const two = await udpClient(network, clock, '198.51.100.7');
    await one.ask('a', address);
    await two.ask('a', address);
    await one.ask('b', address);
    assert.equal(server.clients[0], server.clients[2]);
    assert.deepEqual(
      server.clients.slice(0, 2).map(client => client.split(':')[0]),
      ['203.0.113.5', '198.51.100.7'],
    );
  });

  it('takes nothing from strangers into a flow', async () => {
    const { network, clock, address, register } = await lab('UDP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    await client.ask('a', address);
    client.heard.length = 0;
    const [host, port] = server.clients[0]!.split(':');
    const stranger = await network.bindUdp({ host: '10.0.0.66', port: 7777 }, () => {});
    stranger.send(Buffer.from('evil'), { host: host!, port: Number(port) });
    await clock.settle();
    assert.deepEqual(client.heard, []);
  });

  it('forgets a flow after 120 s without a packet, not before', async () => {
    const { network, clock, address, register, emulator } = await lab('UDP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    await client.ask('a', address);
    await clock.advance(119_000);
    await client.ask('b', address);
    await clock.advance(119_999);
    assert.equal(emulator.flows().udpFlows, 1);
    await clock.advance(5_000);
    assert.equal(emulator.flows().udpFlows, 0);
  });

  it('keeps a flow that only the client talks in', async () => {
    const { network, clock, address, register, emulator } = await lab('UDP');
    await network.bindUdp({ host: '10.0.0.1', port: 7777 }, () => {});
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    for (let n = 0; n < 4; n++) {
      await client.ask('anybody?', address);
      await clock.advance(100_000);
    }
    assert.equal(emulator.flows().udpFlows, 1);
  });

  it('keeps a flow on a draining target, sends new ones elsewhere, and ends it when the delay is over', async () => {
    const { network, clock, address, register, deregister, attributes } = await lab('UDP');
    await attributes(['deregistration_delay.timeout_seconds', '30']);
    await room(network, '10.0.0.1');
    await room(network, '10.0.0.2');
    await register('10.0.0.1');
    const old = await udpClient(network, clock);
    assert.match((await old.ask('a', address))!, /10\.0\.0\.1/);
    await deregister('10.0.0.1');
    await register('10.0.0.2');
    const young = await udpClient(network, clock);
    assert.match((await young.ask('a', address))!, /10\.0\.0\.2/);
    await clock.advance(29_999);
    assert.match((await old.ask('b', address))!, /10\.0\.0\.1/);
    await clock.advance(1);
    assert.match((await old.ask('c', address))!, /10\.0\.0\.2/);
  });

  it('lets a flow go on where its target is registered again while it drains', async () => {
    const { network, clock, address, register, deregister, attributes, emulator } = await lab('UDP');
    await attributes(['deregistration_delay.timeout_seconds', '30']);
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    await client.ask('a', address);
    await deregister('10.0.0.1');
    await register('10.0.0.1');
    await clock.advance(60_000);
    assert.equal(emulator.flows().udpFlows, 1);
  });

  it('keeps a flow on a gone target for as long as it talks, where termination is off', async () => {
    const { network, clock, address, register, deregister, attributes } = await lab('UDP');
    await attributes(
      ['deregistration_delay.timeout_seconds', '0'],
      ['deregistration_delay.connection_termination.enabled', 'false'],
    );
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await udpClient(network, clock);
    await client.ask('a', address);
    await deregister('10.0.0.1');
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60_000);
      assert.match((await client.ask('still here', address))!, /10\.0\.0\.1/);
    }
    await clock.advance(130_000);
    assert.equal(await client.ask('gone', address), undefined);
  });

  it('sends new flows to healthy targets only, and to all when none is healthy', async () => {
    const { network, clock, address, register } = await lab('UDP');
    await room(network, '10.0.0.1', { healthy: false });
    const second = await room(network, '10.0.0.2');
    await register('10.0.0.1', '10.0.0.2');
    const targetsOf = async () => {
      const found = new Set<string>();
      for (let n = 0; n < 30; n++)
        found.add((await (await udpClient(network, clock)).ask('a', address))!.split(' ')[1]!);
      return [...found].sort();
    };
    assert.deepEqual(await targetsOf(), ['10.0.0.2']);
    await second.health!.close();
    await clock.advance(10_000);
    assert.deepEqual(await targetsOf(), ['10.0.0.1', '10.0.0.2']);
  });

  it('sends nothing to a target whose first check is under way', async () => {
    const { network, clock, address, register } = await lab('UDP');
    await room(network, '10.0.0.1', { healthy: false });
    network.silence('10.0.0.1');
    await register('10.0.0.1');
    network.unsilence('10.0.0.1');
    assert.equal(await (await udpClient(network, clock)).ask('a', address), undefined);
    await clock.advance(10_000);
    assert.notEqual(await (await udpClient(network, clock)).ask('a', address), undefined);
  });

  it('keeps new connections coming for a while after deregistering, where the profile says so', async () => {
    const { network, clock, address, register, deregister } = await lab('UDP', {
      set: { 'deregistration-delay': '120s' },
    });
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    await deregister('10.0.0.1');
    await clock.advance(119_000);
    assert.match((await (await udpClient(network, clock)).ask('a', address))!, /10\.0\.0\.1/);
    await clock.advance(1_000);
    assert.equal(await (await udpClient(network, clock)).ask('a', address), undefined);
  });

  it('lets new flows through even after the drain is over, and ends them when deregistration has come through', async () => {
    const { network, clock, address, register, deregister, attributes, call, group } = await lab('UDP', {
      set: { 'deregistration-delay': '120s' },
    });
    await attributes(['deregistration_delay.timeout_seconds', '30']);
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const old = await udpClient(network, clock);
    await old.ask('a', address);
    await deregister('10.0.0.1');
    await clock.advance(30_000);
    assert.deepEqual((await call('DescribeTargetHealth', { TargetGroupArn: group })).texts('Id'), []);
    assert.match((await old.ask('a', address))!, /10\.0\.0\.1/);
    await clock.advance(90_000);
    assert.equal(await old.ask('a', address), undefined);
  });

  it('carries nothing before the load balancer is active', async () => {
    const { network, clock, address, register } = await lab('UDP', { set: { 'provisioning-delay': '2m' } });
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    assert.equal(await (await udpClient(network, clock)).ask('a', address), undefined);
    await clock.advance(120_000);
    assert.match((await (await udpClient(network, clock)).ask('a', address))!, /10\.0\.0\.1/);
  });

  it('is healthy before it flows, where the profile says so', async () => {
    const { network, clock, address, register, call, group } = await lab('UDP', { set: { 'flow-delay': '30s' } });
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    assert.equal((await call('DescribeTargetHealth', { TargetGroupArn: group })).text('State'), 'healthy');
    assert.equal(await (await udpClient(network, clock)).ask('a', address), undefined);
    await clock.advance(30_000);
    assert.match((await (await udpClient(network, clock)).ask('a', address))!, /10\.0\.0\.1/);
  });
});

describe('data plane, TCP', () => {
  it('passes bytes both ways, half-close included', async () => {
    const { network, clock, address, register } = await lab('TCP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await tcpClient(network, clock, address);
    client.connection.write(Buffer.from('hello'));
    client.connection.end();
    await clock.settle();
    assert.deepEqual(server.events, ['ended']);
    server.connections[0]!.write(Buffer.from(' and bye'));
    server.connections[0]!.end();
    await clock.settle();
    assert.equal(client.heard.join(''), '10.0.0.1 heard hello and bye');
    assert.deepEqual(client.events, ['ended', 'closed']);
  });

  it('passes a reset on, in both directions', async () => {
    const { network, clock, address, register, emulator } = await lab('TCP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const one = await tcpClient(network, clock, address);
    one.connection.reset();
    await clock.settle();
    assert.deepEqual(server.events, ['reset']);
    const two = await tcpClient(network, clock, address);
    server.connections[1]!.reset();
    await clock.settle();
    assert.deepEqual(two.events, ['reset']);
    assert.equal(emulator.flows().tcpConnections, 0);
  });

  it('resets a client where there is no target, or the target refuses', async () => {
    const { network, clock, address, register } = await lab('TCP');
    assert.deepEqual((await tcpClient(network, clock, address)).events, ['reset']);
    await network.listenTcp({ host: '10.0.0.1', port: 80 }, () => {});
    await register('10.0.0.1');
    assert.deepEqual((await tcpClient(network, clock, address)).events, ['reset']);
  });

  it('shows the load balancer as client, unless the client address is preserved', async () => {
    const { network, clock, address, register, attributes } = await lab('TCP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    await tcpClient(network, clock, address);
    await attributes(['preserve_client_ip.enabled', 'true']);
    await tcpClient(network, clock, address);
    assert.deepEqual(
      server.clients.map(client => client.split(':')[0]),
      [address, '203.0.113.5'],
    );
  });

  it('begins a connection with the PROXY header where the group asks for it', async () => {
    const { network, clock, address, register, attributes } = await lab('TCP');
    const server = await room(network, '10.0.0.1');
    await register('10.0.0.1');
    await attributes(['proxy_protocol_v2.enabled', 'true']);
    const client = await tcpClient(network, clock, address);
    client.connection.write(Buffer.from('hello'));
    await clock.settle();
    const bytes = Buffer.from(server.bytes.join(''), 'latin1');
    assert.equal(bytes.subarray(0, 16).toString('hex'), '0d0a0d0a000d0a515549540a2111000c');
    assert.deepEqual([...bytes.subarray(16, 20)], [203, 0, 113, 5]);
    assert.equal([...bytes.subarray(20, 24)].join('.'), address);
    assert.equal(bytes.readUInt16BE(24), client.connection.local.port);
    assert.equal(bytes.readUInt16BE(26), 30_000);
    assert.equal(bytes.subarray(28).toString(), 'hello');
  });

  it('leaves connections alone when the delay is over, unless termination is on', async () => {
    for (const [termination, events] of [
      ['false', []],
      ['true', ['reset']],
    ] as const) {
      const { network, clock, address, register, deregister, attributes } = await lab('TCP');
      await attributes(
        ['deregistration_delay.timeout_seconds', '30'],
        ['deregistration_delay.connection_termination.enabled', termination],
      );
      await room(network, '10.0.0.1');
      await register('10.0.0.1');
      const client = await tcpClient(network, clock, address);
      await deregister('10.0.0.1');
      await clock.advance(29_999);
      assert.deepEqual(client.events, []);
      await clock.advance(1);
      assert.deepEqual(client.events, events);
    }
  });

  it('resets connections to a target that turns unhealthy, unless that is off', async () => {
    for (const [termination, events] of [
      ['true', ['reset']],
      ['false', []],
    ] as const) {
      const { network, clock, address, register, attributes } = await lab('TCP');
      await attributes(['target_health_state.unhealthy.connection_termination.enabled', termination]);
      const server = await room(network, '10.0.0.1');
      await register('10.0.0.1');
      const client = await tcpClient(network, clock, address);
      await server.health!.close();
      await clock.advance(10_000);
      assert.deepEqual(client.events, events);
    }
  });

  it('resets an idle connection after the time-out of its listener', async () => {
    const { network, clock, address, register, call, listener } = await lab('TCP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    await call('ModifyListenerAttributes', {
      ListenerArn: listener,
      Attributes: [{ Key: 'tcp.idle_timeout.seconds', Value: '60' }],
    });
    const client = await tcpClient(network, clock, address);
    await clock.advance(59_000);
    client.connection.write(Buffer.from('a'));
    await clock.advance(59_999);
    assert.deepEqual(client.events, []);
    await clock.advance(3_000);
    assert.deepEqual(client.events, ['reset']);
  });
});

describe('data plane, listeners', () => {
  it('serves TCP and UDP on one port for TCP_UDP', async () => {
    const { network, clock, address, register } = await lab('TCP_UDP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const tcp = await tcpClient(network, clock, address);
    tcp.connection.write(Buffer.from('one'));
    await clock.settle();
    assert.deepEqual(tcp.heard, ['10.0.0.1 heard one']);
    assert.equal(await (await udpClient(network, clock)).ask('two', address), '30000 10.0.0.1 heard two');
  });

  it('closes the port with its listener, and opens it with the next', async () => {
    const { network, clock, address, register, call, listener, loadBalancer, group } = await lab('TCP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    const client = await tcpClient(network, clock, address);
    await call('DeleteListener', { ListenerArn: listener });
    await clock.settle();
    assert.deepEqual(client.events, ['reset']);
    await assert.rejects(tcpClient(network, clock, address), { code: 'ECONNREFUSED' });
    await call('CreateListener', {
      LoadBalancerArn: loadBalancer,
      Protocol: 'TCP',
      Port: 30_000,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: group }],
    });
    await clock.settle();
    assert.deepEqual((await tcpClient(network, clock, address)).events, []);
  });

  it('follows ModifyListener only after the delay of the profile', async () => {
    const { network, clock, address, register, call, listener } = await lab('UDP', {
      set: { 'modify-listener-delay': '75s' },
    });
    await room(network, '10.0.0.1');
    await room(network, '10.0.0.2');
    await register('10.0.0.1');
    const second = (
      await call('CreateTargetGroup', {
        Name: 'room-2',
        Protocol: 'UDP',
        Port: 7777,
        VpcId: 'vpc-1',
        TargetType: 'ip',
        HealthCheckPort: '80',
      })
    ).text('TargetGroupArn')!;
    await call('RegisterTargets', { TargetGroupArn: second, Targets: [{ Id: '10.0.0.2' }] });
    await call('ModifyListener', {
      ListenerArn: listener,
      DefaultActions: [{ Type: 'forward', TargetGroupArn: second }],
    });
    await clock.advance(74_999);
    assert.doesNotMatch((await (await udpClient(network, clock)).ask('a', address)) ?? '', /10\.0\.0\.2/);
    await clock.advance(1);
    assert.match((await (await udpClient(network, clock)).ask('a', address))!, /10\.0\.0\.2/);
  });

  it('shares flows among weighted groups, none for weight 0', async () => {
    const { network, clock, address, register, call, listener, group } = await lab('UDP');
    await room(network, '10.0.0.1');
    await room(network, '10.0.0.2');
    await register('10.0.0.1');
    const second = (
      await call('CreateTargetGroup', {
        Name: 'room-2',
        Protocol: 'UDP',
        Port: 7777,
        VpcId: 'vpc-1',
        TargetType: 'ip',
        HealthCheckPort: '80',
      })
    ).text('TargetGroupArn')!;
    await call('RegisterTargets', { TargetGroupArn: second, Targets: [{ Id: '10.0.0.2' }] });
    const share = async (first: number, other: number) => {
      const TargetGroups = [
        { TargetGroupArn: group, Weight: first },
        { TargetGroupArn: second, Weight: other },
      ];
      await call('ModifyListener', {
        ListenerArn: listener,
        DefaultActions: [{ Type: 'forward', ForwardConfig: { TargetGroups } }],
      });
      await clock.settle();
      let count = 0;
      for (let n = 0; n < 60; n++)
        if ((await (await udpClient(network, clock)).ask('a', address))!.includes('10.0.0.2')) count++;
      return count;
    };
    assert.equal(await share(1, 0), 0);
    const most = await share(1, 3);
    assert.ok(most > 30 && most < 60, String(most));
  });

  it('uses targets of other zones only where it crosses zones', async () => {
    const { network, clock, call, attributes, group, loadBalancer } = await lab('UDP');
    await room(network, '10.0.0.1');
    const zones = await call('SetSubnets', { LoadBalancerArn: loadBalancer, Subnets: ['subnet-1', 'subnet-2'] });
    const [first, second] = zones.texts('IpAddress');
    assert.notEqual(first, second);
    await call('RegisterTargets', {
      TargetGroupArn: group,
      Targets: [{ Id: '10.0.0.1', AvailabilityZone: 'us-east-1b' }],
    });
    await clock.settle();
    const answer = async (address: string) => (await udpClient(network, clock)).ask('a', address);
    assert.deepEqual([await answer(first!), (await answer(second!)) !== undefined], [undefined, true]);
    await attributes(['load_balancing.cross_zone.enabled', 'true']);
    assert.notEqual(await answer(first!), undefined);
  });

  it('exists without its socket where the address is taken, with a coded line in the log', async () => {
    const lines: unknown[] = [];
    const log: Log = { ...silentLog(), error: fields => lines.push(fields) };
    const clock = virtualClock();
    const network = virtualNetwork({ clock });
    const taken = {
      ...network,
      bindUdp: () => Promise.reject(Object.assign(new Error('taken'), { code: 'EADDRINUSE' })),
    };
    const { emulator, listener, call } = await lab('UDP', { log, network: taken });
    assert.equal((await call('DescribeListeners', { ListenerArns: [listener] })).status, 200);
    assert.match(emulator.problems()[0]!.problem, /^Cannot listen on udp .*: EADDRINUSE\. .*\.$/);
    assert.equal((lines[0] as { code: string }).code, 'ListenerSocketFailed');
  });

  it('leaves no timer and no socket after close()', async () => {
    const { network, clock, address, register, emulator } = await lab('TCP_UDP');
    await room(network, '10.0.0.1');
    await register('10.0.0.1');
    await (await udpClient(network, clock)).ask('a', address);
    const client = await tcpClient(network, clock, address);
    await clock.advance(1000);
    await emulator.close();
    await clock.settle();
    assert.deepEqual(client.events, ['reset']);
    assert.equal(clock.pending, 0);
    await network.bindUdp({ host: address, port: 30_000 }, () => {});
  });

  it('does the same for the same seed', async () => {
    const run = async () => {
      const { network, clock, address, register, emulator } = await lab('UDP');
      for (const host of ['10.0.0.1', '10.0.0.2']) await room(network, host);
      await register('10.0.0.1', '10.0.0.2');
      const trace: unknown[] = [address];
      for (let n = 0; n < 10; n++) trace.push(await (await udpClient(network, clock)).ask('a', address));
      await clock.advance(60_000);
      return JSON.stringify([trace, emulator.callLog.entries]);
    };
    assert.equal(await run(), await run());
  });
});
