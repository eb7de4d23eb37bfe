import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { demoPool } from '../../src/sandbox/demo/demo-objects.ts';
import { eventually } from '../cluster/eventually.ts';
import { guardFolder, type ManagedProcess, startProcess } from '../cluster/managed-process.ts';
import { pickPort } from '../cluster/ports.ts';
import { cleanEnvironment, nlbportsCommand } from '../cluster/product.ts';
import { pythonClients, pythonPrograms } from './python-clients.ts';

const pools = '/apis/nlbports.dev/v1alpha1/nlbportpools';

describe('nlbports check, by the real AWS CLI on moto', { timeout: 300_000 }, () => {
  let env: NodeJS.ProcessEnv;
  let cluster: string;
  let kubeconfig: string;
  let release: () => void;
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-check-'));
  const started: ManagedProcess[] = [];

  before(async () => {
    release = guardFolder(folder);
    const { aws } = await pythonClients();
    const programs = await pythonPrograms('moto', 'moto-requirements.txt');
    const port = await pickPort();
    const start = async (name: string, command: string, args: string[]) => {
      const process = await startProcess({ name, command, args, env: cleanEnvironment(), logFile: join(folder, name) });
      started.push(process);
      return process;
    };
    await start('moto', join(programs, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)]);
    const endpoint = `http://127.0.0.1:${port}`;
    const simulated = await start('cluster', nlbportsCommand, [
      'sandbox',
      '--only=kubernetes',
      '--kubernetes-port=0',
      '--json',
    ]);
    ({ kubeconfig, url: cluster } = await eventually(() => JSON.parse(simulated.log()).kubernetes, 15_000));
    await eventually(async () => void (await fetch(`${endpoint}/moto-api/`)), 60_000);
    env = cleanEnvironment({
      PATH: `${join(aws, '..')}:${process.env.PATH}`,
      ...{ AWS_ENDPOINT_URL: endpoint, AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1' },
      ...{ AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any', AWS_EC2_METADATA_DISABLED: 'true' },
      ...{ AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' },
    });
  });
  after(async () => {
    for (const process of started) await process.stop(2_000);
    rmSync(folder, { recursive: true, force: true });
    release();
  });

  const aws = async (...args: string[]) =>
    JSON.parse((await promisify(execFile)('aws', [...args, '--output', 'json'], { env })).stdout);
  /** Its lines and its exit code. */
  const check = (...args: string[]) =>
    promisify(execFile)(nlbportsCommand, ['check', '--kubeconfig', kubeconfig, ...args], { env }).then(
      ({ stdout }) => ({ code: 0, lines: stdout.trim().split('\n') }),
      (error: { code: number; stdout: string }) => ({ code: error.code, lines: error.stdout.trim().split('\n') }),
    );
  const call = async (method: string, path: string, body: object) => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await fetch(new URL(path, cluster), {
      method,
      headers: { 'content-type': type },
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, await answer.text());
  };
  /** A pool as its controller leaves it: with the load balancer in its status. */
  const makePool = async (name: string, arn: string) => {
    const ports = { min: 30000, max: 30049 };
    const loadBalancers = [{ name, arn, address: `${name}.example.com` }];
    const pool = demoPool({ name, loadBalancers, ports, protocol: 'TCP_UDP', quarantine: '2s' });
    await call('POST', pools, { apiVersion: 'nlbports.dev/v1alpha1', kind: 'NLBPortPool', ...pool });
    const found = {
      arn,
      name,
      dnsName: 'd',
      hostname: 'h',
      vpcId: 'v',
      state: 'active',
      capacity: 50,
      foreignPorts: [],
    };
    await call('PATCH', `${pools}/${name}/status`, { status: { loadBalancers: [found] } });
  };

  test('prints commands that, once run, leave nothing to print', async () => {
    const { Vpc } = await aws('ec2', 'create-vpc', '--cidr-block', '10.0.0.0/16');
    const inVpc = ['--vpc-id', Vpc.VpcId];
    const { Subnet } = await aws('ec2', 'create-subnet', ...inVpc, '--cidr-block', '10.0.1.0/24');
    const group = async (name: string): Promise<string> =>
      (await aws('ec2', 'create-security-group', '--group-name', name, '--description', name, ...inVpc)).GroupId;
    const [balancers, pods] = [await group('balancers'), await group('pods')];
    const make = ['elbv2', 'create-load-balancer', '--type', 'network', '--subnets', Subnet.SubnetId, '--name'];
    const guarded = await aws(...make, 'guarded', '--security-groups', balancers);
    const open = await aws(...make, 'open');
    await makePool('guarded', guarded.LoadBalancers[0].LoadBalancerArn);
    await makePool('open', open.LoadBalancers[0].LoadBalancerArn);

    const unknown = await check('--pod-group', pods);
    assert.equal(unknown.code, 1);
    assert.match(unknown.lines.join('\n'), /name it with --game-port/);

    const flags = ['--pod-group', pods, '--game-port', '7777'];
    const first = await check(...flags);
    assert.equal(first.code, 3);
    const commands = first.lines.filter(line => line.startsWith('aws '));
    assert.ok(
      commands.includes(
        `aws ec2 authorize-security-group-ingress --group-id ${pods} --protocol udp --port 7777 --source-group ${balancers}`,
      ),
    );
    assert.ok(commands.length >= 6, first.lines.join('\n'));
    for (const command of commands) await promisify(execFile)('sh', ['-c', command], { env });
    const second = await check(...flags);
    assert.deepEqual(second.lines, [
      'Pool guarded (1 load balancer, game port 7777): everything is open.',
      'Pool open (1 load balancer, game port 7777): everything is open.',
    ]);
    assert.equal(second.code, 0);
  });

  test('says what AWS said where it can not look, for each pool', async () => {
    const { code, lines } = await check('--pod-group', 'sg-none', '--game-port', '7777');
    assert.equal(code, 1);
    for (const pool of ['guarded', 'open'])
      assert.match(lines.join('\n'), new RegExp(`^Pool ${pool}: can not be looked at: aws ec2 .*NotFound`, 'm'));
  });
});
