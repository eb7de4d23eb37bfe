import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { describe, it } from 'node:test';
import { sleep, systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { systemRandom } from '../../runtime/random.ts';
import { startAwsSandbox } from '../aws-sandbox.ts';
import { nodeNetwork } from '../node-network.ts';
import { selfSigned } from './self-signed.fixture.ts';
import { profileSettings } from './settings.ts';
import { testClient } from './test-client.ts';

const clock = systemClock();

/** What AWS calls the target's state once it has been checked by HTTPS, and its reason. */
async function checkedByHttps(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sandbox = await startAwsSandbox(
    { clock, random: systemRandom(), network: nodeNetwork({ clock }), log: silentLog() },
    { port: 0, settings: profileSettings('instant'), networkMap: [] },
  );
  const call = testClient(sandbox.emulator.handle, clock);
  try {
    const group = await call('CreateTargetGroup', {
      Name: 'rooms',
      Protocol: 'TCP',
      Port: port,
      VpcId: 'vpc-1',
      TargetType: 'ip',
      HealthCheckProtocol: 'HTTPS',
      HealthCheckPath: '/ready',
      Matcher: { HttpCode: '200' },
    });
    const TargetGroupArn = group.text('TargetGroupArn')!;
    const balancer = await call('CreateLoadBalancer', { Name: 'game', Type: 'network', Subnets: ['subnet-1'] });
    await call('RegisterTargets', { TargetGroupArn, Targets: [{ Id: '127.0.0.1' }] });
    await call('CreateListener', {
      LoadBalancerArn: balancer.text('LoadBalancerArn')!,
      Protocol: 'TCP',
      Port: 30_000,
      DefaultActions: [{ Type: 'forward', TargetGroupArn }],
    });
    for (let tries = 0; tries < 400; tries++) {
      const health = await call('DescribeTargetHealth', { TargetGroupArn });
      if (health.text('State') !== 'initial') return `${health.text('State')} ${health.text('Reason') ?? ''}`.trim();
      await sleep(clock, 20);
    }
    return 'initial';
  } finally {
    await sandbox.close();
    server.close();
  }
}

describe('health checks by HTTPS', { timeout: 60_000 }, () => {
  it('pass with the status wanted, whoever signed the certificate', async () => {
    const asked: string[] = [];
    const server = createHttpsServer(selfSigned(), (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers['user-agent']}`);
      response.end();
    });
    assert.equal(await checkedByHttps(server), 'healthy');
    assert.equal(asked[0], 'GET /ready ELB-HealthChecker/2.0');
  });

  it('pass with a certificate that has expired', async () => {
    const server = createHttpsServer(selfSigned('210101000000Z'), (_, response) => response.end());
    assert.equal(await checkedByHttps(server), 'healthy');
  });

  it('fail with another status', async () => {
    const server = createHttpsServer(selfSigned(), (_, response) => response.writeHead(503).end());
    assert.equal(await checkedByHttps(server), 'unhealthy Target.ResponseCodeMismatch');
  });

  it('fail where plain HTTP is spoken', async () => {
    const server = createHttpServer((_, response) => response.end());
    assert.equal(await checkedByHttps(server), 'unhealthy Target.FailedHealthChecks');
  });
});
