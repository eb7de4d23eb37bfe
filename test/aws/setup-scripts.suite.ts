import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { iamPolicy, scopeOfCluster } from '../../src/aws/iam-policy.ts';
import { eventually } from '../cluster/eventually.ts';
import { pickPort } from '../cluster/ports.ts';
import { repository } from '../cluster/product.ts';
import { pythonClients, pythonPrograms } from './python-clients.ts';

const account = '123456789012';
const balancer = `arn:aws:elasticloadbalancing:us-east-1:${account}:loadbalancer/net/game-1/50dc6c495c0c9188`;
const policyArn = `arn:aws:iam::${account}:policy/nlbports-game`;
const clusterId = '0a1b2c3d-0000-4000-8000-000000000000';
const common = ['--cluster', 'game', '--cluster-id', clusterId];

describe('the setup scripts, by the real AWS CLI on moto', { timeout: 900_000 }, () => {
  let env: NodeJS.ProcessEnv;
  let moto: ReturnType<typeof spawn>;
  let programs: string;
  let podIdentity: Server;

  before(async () => {
    const { aws } = await pythonClients();
    programs = await pythonPrograms('moto', 'moto-requirements.txt');
    const port = await pickPort();
    moto = spawn(join(programs, 'moto_server'), ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    const endpoint = `http://127.0.0.1:${port}`;
    await eventually(async () => void (await fetch(`${endpoint}/moto-api/`)), 60_000);
    podIdentity = await servePodIdentity(endpoint);
    env = {
      PATH: `${join(aws, '..')}:${process.env.PATH}`,
      HOME: process.env.HOME,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_EKS: `http://127.0.0.1:${(podIdentity.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'any',
      AWS_SECRET_ACCESS_KEY: 'any',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    };
    await run(
      'aws',
      'eks',
      'create-cluster',
      '--name',
      'game',
      '--role-arn',
      `arn:aws:iam::${account}:role/x`,
      '--resources-vpc-config',
      'subnetIds=subnet-1',
    );
  });
  after(() => {
    moto?.kill();
    podIdentity?.close();
  });

  async function run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(command, args, { env, cwd: repository });
    return stdout;
  }
  const aws = async (...args: string[]) => JSON.parse(await run('aws', ...args, '--output', 'json'));
  const fails = (command: string, ...args: string[]) =>
    run(command, ...args).then(
      () => assert.fail('it did not fail'),
      (error: { code: number; stderr: string }) => error,
    );
  const policyNow = async () => {
    const { Policy } = await aws('iam', 'get-policy', '--policy-arn', policyArn);
    const args = ['--policy-arn', policyArn, '--version-id', Policy.DefaultVersionId];
    const { PolicyVersion } = await aws('iam', 'get-policy-version', ...args);
    return PolicyVersion.Document;
  };
  const roles = async () => (await aws('iam', 'list-roles')).Roles.map((role: { RoleName: string }) => role.RoleName);

  const variants = {
    './setup-irsa.sh': ['--no-annotate'],
    './setup-pod-identity.sh': [] as string[],
  };
  for (const [script, more] of Object.entries(variants)) {
    describe(script, () => {
      test('changes nothing in a dry run, and says what it would', async () => {
        const said = await run(script, ...common, ...more, '--load-balancer', balancer, '--dry-run');
        assert.match(said, /Policy .*: would be made\.\nWould run: aws iam create-policy .* '\{\n {2}"Version"/);
        assert.deepEqual(await roles(), []);
      });

      test('makes role and policy, the latter as the operator needs it', async () => {
        await run(script, ...common, ...more, '--load-balancer', balancer);
        assert.deepEqual(await policyNow(), iamPolicy(scopeOfCluster(clusterId, [balancer])));
        const { Role } = await aws('iam', 'get-role', '--role-name', 'nlbports-game');
        assert.match(
          JSON.stringify(Role.AssumeRolePolicyDocument),
          script.includes('irsa')
            ? /"oidc\.eks[^"]*:sub":"system:serviceaccount:nlbports-system:nlbports"/
            : /"aws:RequestTag\/kubernetes-service-account":"nlbports"/,
        );
        const { AttachedPolicies } = await aws('iam', 'list-attached-role-policies', '--role-name', 'nlbports-game');
        assert.deepEqual(
          AttachedPolicies.map((policy: { PolicyArn: string }) => policy.PolicyArn),
          [policyArn],
        );
      });

      test('can be repeated, and follows what it is told, time and again', async () => {
        const again = await run(script, ...common, ...more, '--load-balancer', balancer);
        assert.match(again, /Policy .*: as it has to be/);
        for (const team of ['e', 'f']) {
          await run(script, ...common, ...more, '--load-balancer-tag', `team=${team}`);
        }
        const statement = (await policyNow()).Statement.find((s: { Sid: string }) => s.Sid === 'MakeListeners');
        assert.equal(statement.Condition.StringEquals['aws:ResourceTag/team'], 'f');
        assert.equal(statement.Condition.StringEquals['aws:RequestTag/nlbports.dev/cluster'], clusterId);
      });

      test('refuses what can not be meant, with exit code 2, before it does anything', async () => {
        const wrong = [
          ['--cluster', 'game'],
          [...common, '--load-balancer', 'arn:aws:x'],
          [...common, '--load-balancer', balancer.replace('/net/', '/app/')],
          [...common, '--load-balancer-tag', 'a=b', '--load-balancer', balancer],
          ['--cluster', 'a b'],
          ['--cluster'],
          ['--what'],
        ];
        for (const args of wrong) assert.equal((await fails(script, ...args)).code, 2, args.join(' '));
      });

      test('takes away what it made, and does not mind if it is gone', async () => {
        await run(script, '--cluster', 'game', ...more, '--delete', '--dry-run');
        assert.deepEqual(await roles(), ['nlbports-game']);
        await run(script, '--cluster', 'game', ...more, '--delete');
        assert.deepEqual(await roles(), []);
        assert.match((await fails('aws', 'iam', 'get-policy', '--policy-arn', policyArn)).stderr, /NoSuchEntity/);
        await run(script, '--cluster', 'game', ...more, '--delete');
      });
    });
  }

  describe('with a kubectl, here a stand-in that answers for one cluster', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nlbports-kubectl-'));
    const said = async (server: string, ...args: string[]) => {
      const answers = `case "$*" in *kube-system*) printf ${clusterId};; *config*) printf ${server};; esac`;
      writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\n${answers}\n`, { mode: 0o700 });
      const withKubectl = { ...env, PATH: `${folder}:${env.PATH}` };
      const asked = ['--cluster', 'game', '--context', 'mine', '--dry-run', ...args];
      return (await promisify(execFile)('./setup-irsa.sh', asked, { env: withKubectl, cwd: repository })).stdout;
    };
    after(() => rmSync(folder, { recursive: true }));

    test('asks for the cluster id, and warns where kubectl leads to another cluster', async () => {
      const { cluster } = await aws('eks', 'describe-cluster', '--name', 'game');
      const right = await said(cluster.endpoint.toLowerCase(), '--load-balancer', balancer);
      assert.match(right, new RegExp(`^Cluster id ${clusterId}: `));
      assert.doesNotMatch(right, /Careful/);
      const wrong = await said('https://other.example.com', '--load-balancer', balancer);
      assert.match(wrong, /^Careful: kubectl asks https:\/\/other\.example\.com, and game is at /);
    });

    test('prints commands that can be pasted, those for kubectl too', async () => {
      const annotate = 'kubectl --context mine -n nlbports-system annotate';
      assert.match(
        await said('x', '--load-balancer', balancer),
        new RegExp(`^Would run: ${annotate} --overwrite`, 'm'),
      );
      assert.match(await said('x', '--delete'), new RegExp(`^Would run: ${annotate} serviceaccount nlbports`, 'm'));
    });
  });

  test('deploy/iam/cloudformation.yaml is a template in which cfn-lint finds nothing', async () => {
    assert.equal(await run(join(programs, 'cfn-lint'), 'deploy/iam/cloudformation.yaml'), '');
  });

  test('deploy/iam/cloudformation.yaml makes the same policy', async () => {
    const parameters = {
      ClusterName: 'game',
      ClusterId: clusterId,
      ClusterHash: scopeOfCluster(clusterId, []).targetGroupPrefix.slice(5, 13),
      LoadBalancerArns: balancer,
      OidcProvider: 'oidc.example.com/id/1',
    };
    const list = Object.entries(parameters).map(([key, value]) => `ParameterKey=${key},ParameterValue=${value}`);
    const stack = ['--stack-name', 'nlbports', '--template-body', 'file://deploy/iam/cloudformation.yaml'];
    await run(
      'aws',
      'cloudformation',
      'create-stack',
      ...stack,
      '--capabilities',
      'CAPABILITY_IAM',
      '--parameters',
      ...list,
    );
    const { Policies } = await aws('iam', 'list-policies', '--scope', 'Local');
    const args = ['--policy-arn', Policies[0].Arn, '--version-id', 'v1'];
    const { PolicyVersion } = await aws('iam', 'get-policy-version', ...args);
    assert.deepEqual(PolicyVersion.Document, iamPolicy(scopeOfCluster(clusterId, [balancer])));
    const { Roles } = await aws('iam', 'list-roles');
    assert.match(JSON.stringify(Roles), /oidc\.example\.com\/id\/1:sub/);
  });
});

/** EKS Pod Identity's four calls, which moto does not have; all else of EKS goes on to moto. A stand-in of ours. */
async function servePodIdentity(moto: string): Promise<Server> {
  const associations = new Map<string, object>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const [, id] = /\/pod-identity-associations(?:\/([\w-]+))?/.exec(request.url ?? '') ?? [];
    if (request.url?.includes('/addons/')) {
      response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException', 'content-type': 'application/json' });
      response.end('{"message":"No addon"}');
    } else if (!request.url?.includes('/pod-identity-associations')) {
      const kept = Object.entries(request.headers).filter(([name]) =>
        /^(authorization|content-type|x-amz-.*)$/.test(name),
      );
      const headers = Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
      const passed = await fetch(moto + request.url, {
        method: request.method ?? 'GET',
        headers,
        ...(body ? { body } : {}),
      });
      answer(passed.status, await passed.json());
    } else if (request.method === 'GET') answer(200, { associations: [...associations.values()] });
    else if (request.method === 'DELETE') {
      associations.delete(id!);
      answer(200, { association: { associationId: id } });
    } else {
      const association = { ...JSON.parse(body), associationId: id ?? 'a-1' };
      associations.set(association.associationId, association);
      answer(200, { association });
    }
  });
  await new Promise<void>(done => void server.listen(0, '127.0.0.1', done));
  return server;
}
