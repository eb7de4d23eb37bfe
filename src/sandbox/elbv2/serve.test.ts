import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  CreateTargetGroupCommand,
  DescribeTargetGroupsCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { sleep, systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { systemRandom } from '../../runtime/random.ts';
import { type AwsSandbox, startAwsSandbox } from '../aws-sandbox.ts';
import { parseNetworkMapRule } from '../network-map.ts';
import { nodeNetwork } from '../node-network.ts';
import { profileSettings } from './settings.ts';
import { testClient } from './test-client.ts';

describe('the emulator over sockets', () => {
  const clock = systemClock();
  const rules = ['10.0.0.0/8=127.0.0.0/8', 'fd00::/104=127.0.0.0/8'].map(parseNetworkMapRule);
  let sandbox: AwsSandbox;
  let client: ElasticLoadBalancingV2Client;

  before(async () => {
    sandbox = await startAwsSandbox(
      { clock, random: systemRandom(), network: nodeNetwork({ clock }), log: silentLog() },
      {
        port: 0,
        settings: profileSettings('instant'),
        networkMap: rules.flatMap(parsed => (parsed.ok ? [parsed.rule] : [])),
      },
    );
    client = new ElasticLoadBalancingV2Client({
      endpoint: sandbox.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      maxAttempts: 1,
    });
  });
  after(async () => {
    client.destroy();
    await sandbox.close();
  });

  const group = (Name: string) =>
    new CreateTargetGroupCommand({ Name, Protocol: 'TCP', Port: 1, VpcId: 'vpc-1', TargetType: 'ip' });
  const admin = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${sandbox.url}/_emulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  const families: [string, string, Record<string, string>][] = [
    ['ipv4', '10.0.77.5', {}],
    ['ipv6', 'fd00::4d05', { IpAddressType: 'dualstack', EnablePrefixForIpv6SourceNat: 'on' }],
  ];
  for (const [IpAddressType, Id, more] of families) {
    it(`carries real bytes by UDP and TCP to an ${IpAddressType} target that is dialled through the map`, () =>
      carryBytes(IpAddressType, Id, more));
  }

  async function carryBytes(IpAddressType: string, Id: string, more: Record<string, string>): Promise<void> {
    const room = createSocket('udp4');
    room.on('message', (bytes, from) => room.send(`room heard ${bytes}`, from.port, from.address));
    room.bind(0, '127.0.77.5');
    await once(room, 'listening');
    const { port } = room.address();
    const tcpRoom = createServer({ allowHalfOpen: true }, socket =>
      socket.on('data', bytes => socket.write(`room heard ${bytes}`)).on('end', () => socket.end()),
    );
    tcpRoom.listen(port, '127.0.77.5');
    await once(tcpRoom, 'listening');

    const call = testClient(sandbox.emulator.handle, clock);
    const balancer = await call('CreateLoadBalancer', {
      Name: 'bytes',
      Type: 'network',
      Subnets: ['subnet-1'],
      ...more,
    });
    const address = balancer.text('IpAddress')!;
    const TargetGroupArn = (
      await call('CreateTargetGroup', {
        Name: `bytes-${IpAddressType}`,
        IpAddressType,
        Protocol: 'TCP_UDP',
        Port: port,
        VpcId: 'vpc-1',
        TargetType: 'ip',
      })
    ).text('TargetGroupArn')!;
    const LoadBalancerArn = balancer.text('LoadBalancerArn')!;
    await call('CreateListener', {
      LoadBalancerArn,
      Protocol: 'TCP_UDP',
      Port: 30_123,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    });
    await call('RegisterTargets', { TargetGroupArn, Targets: [{ Id }] });
    while ((await call('DescribeTargetHealth', { TargetGroupArn })).text('State') !== 'healthy') await sleep(clock, 5);

    const player = createSocket('udp4');
    player.send('hello', 30_123, address);
    const [answer, from] = (await once(player, 'message')) as [Buffer, { address: string; port: number }];
    assert.equal(answer.toString(), 'room heard hello');
    assert.deepEqual([from.address, from.port], [address, 30_123]);
    player.close();

    const socket = connect(30_123, address);
    socket.end('hello');
    let heard = '';
    for await (const bytes of socket) heard += bytes;
    assert.equal(heard, 'room heard hello');

    await call('DeleteLoadBalancer', { LoadBalancerArn });
    room.close();
    tcpRoom.close();
  }

  it('answers the SDK, and shows its calls under /_emulator/calls', async () => {
    await admin('DELETE', 'calls');
    await client.send(group('seen'));
    await assert.rejects(client.send(new DescribeTargetGroupsCommand({ Names: ['none'] })), {
      name: 'TargetGroupNotFoundException',
    });
    const { body } = await admin('GET', 'calls');
    assert.deepEqual(body.actions, {
      CreateTargetGroup: { calls: 1, succeeded: 1, errors: {} },
      DescribeTargetGroups: { calls: 1, succeeded: 0, errors: { TargetGroupNotFound: 1 } },
    });
    assert.equal((body.entries as unknown[]).length, 2);
    assert.equal(((await admin('GET', 'calls?action=CreateTargetGroup')).body.entries as unknown[]).length, 1);
    assert.equal((await admin('GET', 'calls?entries=0')).body.entries, undefined);
  });

  it('loses an answer on demand: the client sees a broken connection, the change is there', async () => {
    assert.equal(
      (await admin('PUT', 'faults', [{ kind: 'lost', actions: ['CreateTargetGroup'], times: 1 }])).status,
      200,
    );
    await assert.rejects(client.send(group('lost')), { code: 'ECONNRESET' });
    assert.equal((await client.send(new DescribeTargetGroupsCommand({ Names: ['lost'] }))).TargetGroups!.length, 1);
    assert.equal(((await admin('GET', 'faults')).body as unknown as { struck: number }[])[0]!.struck, 1);
    await admin('DELETE', 'faults');
  });

  it('refuses malformed faults and unknown admin paths', async () => {
    assert.equal((await admin('PUT', 'faults', [{ kind: 'boom' }])).status, 400);
    assert.equal((await admin('GET', 'nothing')).status, 404);
  });

  it('refuses a body that is far too large', async () => {
    const answer = await fetch(sandbox.url, { method: 'POST', body: 'A'.repeat(5 * 1024 * 1024) }).catch(
      (error: Error) => error,
    );
    if (!(answer instanceof Error)) assert.equal(answer.status, 413);
    assert.equal((await client.send(new DescribeTargetGroupsCommand({ PageSize: 1 }))).$metadata.httpStatusCode, 200);
  });
});
