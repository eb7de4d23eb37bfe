import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { AwsSandbox } from '../../src/sandbox/aws-sandbox.ts';
import { clientEnvironment, startEmulator } from './emulated-account.ts';
import { pythonClients } from './python-clients.ts';

interface Printed {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

const guide = 'AWS CLI user guide';
const reference = 'AWS CLI reference, elbv2';
const account = '210987654321';
const arnPrefix = `arn:aws:elasticloadbalancing:us-east-1:${account}`;

describe('the AWS CLI on the emulator', { timeout: 300_000 }, () => {
  let program: string;
  let emulator: AwsSandbox;
  let balancerArn: string;
  let groupArn: string;
  let listenerArn: string;

  before(async () => {
    ({ aws: program } = await pythonClients());
    emulator = await startEmulator();
  });
  after(() => emulator.close());

  async function aws(...args: string[]): Promise<Printed> {
    const child = spawn(program, args, {
      env: clientEnvironment(emulator.url, account),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let said = '';
    child.stdout.on('data', chunk => {
      out += chunk;
    });
    child.stderr.on('data', chunk => {
      said += chunk;
    });
    const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
    return { code, out: out.trim(), said };
  }

  /** Runs a command of elbv2 that must succeed; what it printed. */
  async function elbv2(command: string, ...more: string[]): Promise<string> {
    const { code, out, said } = await aws('elbv2', ...command.split(' '), ...more);
    assert.equal(code, 0, said);
    return out;
  }

  test(`creates a life's worth and prints one field with --query and --output text (${guide}, Filtering output)`, async () => {
    const one = ['--output', 'text', '--query'];
    balancerArn = await elbv2(
      'create-load-balancer --name cli --type network --subnets subnet-1 --tags Key=owner,Value=cli',
      ...one,
      'LoadBalancers[0].LoadBalancerArn',
    );
    assert.ok(balancerArn.startsWith(`${arnPrefix}:loadbalancer/net/cli/`), balancerArn);
    groupArn = await elbv2(
      'create-target-group --name cli --protocol TCP --port 7000 --vpc-id vpc-1 --target-type ip',
      ...one,
      'TargetGroups[0].TargetGroupArn',
    );
    listenerArn = await elbv2(
      `create-listener --load-balancer-arn ${balancerArn} --protocol TCP --port 30001`,
      '--default-actions',
      `Type=forward,TargetGroupArn=${groupArn}`,
      ...one,
      'Listeners[0].ListenerArn',
    );
    assert.ok(listenerArn.startsWith(balancerArn.replace(':loadbalancer/', ':listener/')), listenerArn);
  });

  test(`waits for a load balancer to be available (${reference}, wait load-balancer-available)`, async () => {
    await elbv2(`wait load-balancer-available --load-balancer-arns ${balancerArn}`);
  });

  test(`waits for a target to be in service, and shows its health (${reference}, wait target-in-service)`, async () => {
    const room = createServer().listen(0, '127.0.0.1');
    await new Promise(done => room.once('listening', done));
    const { port } = room.address() as { port: number };
    const target = `Id=127.0.0.1,Port=${port}`;
    try {
      await elbv2(`register-targets --target-group-arn ${groupArn} --targets ${target}`);
      await elbv2(`wait target-in-service --target-group-arn ${groupArn} --targets ${target}`);
      const query = 'TargetHealthDescriptions[].[Target.Id,Target.Port,TargetHealth.State]';
      const health = await elbv2(
        `describe-target-health --target-group-arn ${groupArn} --output text`,
        '--query',
        query,
      );
      assert.equal(health, `127.0.0.1\t${port}\thealthy`);
      await elbv2(`deregister-targets --target-group-arn ${groupArn} --targets ${target}`);
    } finally {
      room.close();
    }
  });

  test(`prints json, yaml where it can, table and text (${guide}, Setting the output format)`, async () => {
    const command = `describe-target-groups --names cli`;
    const { TargetGroups } = JSON.parse(await elbv2(`${command} --output json`));
    assert.deepEqual([TargetGroups.length, TargetGroups[0].Port, TargetGroups[0].Protocol], [1, 7000, 'TCP']);
    assert.match(await elbv2(`${command} --output table`), /\|\s+TargetGroupName\s+\|\s+cli\s+\|/);
    assert.match(await elbv2(`${command} --output text`), /^TARGETGROUPS\t/);
  });

  test(`--query with a filter, a pipe and a function reads the answer (${guide}, Filtering output: client side)`, async () => {
    const query = "LoadBalancers[?Type=='network'] | [].{name: LoadBalancerName, zones: length(AvailabilityZones)}";
    const found = JSON.parse(await elbv2('describe-load-balancers --output json', '--query', query));
    assert.deepEqual(found, [{ name: 'cli', zones: 1 }]);
  });

  test(`--max-items ends with a token that --starting-token goes on from (${guide}, Pagination)`, async () => {
    for (const n of [1, 2])
      await elbv2(`create-target-group --name page-${n} --protocol UDP --port 7000 --vpc-id vpc-1 --target-type ip`);
    const first = JSON.parse(await elbv2('describe-target-groups --max-items 2 --output json'));
    assert.equal(first.TargetGroups.length, 2);
    const token = first.NextToken as string;
    const rest = JSON.parse(await elbv2(`describe-target-groups --output json --starting-token ${token}`));
    const names = [...first.TargetGroups, ...rest.TargetGroups].map(group => group.TargetGroupName).sort();
    assert.deepEqual(names, ['cli', 'page-1', 'page-2']);
  });

  test(`--no-paginate with --page-size shows one page and AWS's marker (${guide}, Pagination)`, async () => {
    const page = JSON.parse(await elbv2('describe-target-groups --no-paginate --page-size 2 --output json'));
    assert.equal(page.TargetGroups.length, 2);
    assert.ok(page.NextMarker);
  });

  test(`a refusal ends in 254 or 255 with AWS's code (${guide}, Return codes)`, async () => {
    const { code, said } = await aws('elbv2', 'describe-load-balancers', '--names', 'none');
    assert.ok(code === 254 || code === 255, String(code));
    assert.match(said, /An error occurred \(LoadBalancerNotFound\) when calling the DescribeLoadBalancers operation/);
  });

  test(`tags with the shorthand and with JSON come back the same (${guide}, Shorthand syntax)`, async () => {
    await elbv2(`add-tags --resource-arns ${groupArn} --tags Key=short,Value=1`);
    await elbv2(`add-tags --resource-arns ${groupArn}`, '--tags', '[{"Key":"json","Value":"a = b"}]');
    const query = 'sort_by(TagDescriptions[0].Tags, &Key)[].[Key,Value]';
    const tags = await elbv2(`describe-tags --resource-arns ${groupArn} --output text`, '--query', query);
    assert.equal(tags, 'json\ta = b\nshort\t1');
  });

  test(`--cli-input-json fills in a call (${guide}, Skeletons and input files)`, async () => {
    const input = JSON.stringify({
      TargetGroupArn: groupArn,
      Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value: '0' }],
    });
    const shown = JSON.parse(await elbv2('modify-target-group-attributes --output json', '--cli-input-json', input));
    const delay = shown.Attributes.find((each: { Key: string }) => each.Key === 'deregistration_delay.timeout_seconds');
    assert.equal(delay.Value, '0');
  });

  test(`--no-sign-request is refused (${guide}, Global options)`, async () => {
    const { code, said } = await aws('elbv2', 'describe-target-groups', '--no-sign-request');
    assert.notEqual(code, 0);
    assert.match(said, /MissingAuthenticationToken/);
  });

  test(`ec2 commands find the subnets of the VPC (AWS CLI reference, ec2 describe-subnets)`, async () => {
    const args = ['--filters', 'Name=vpc-id,Values=vpc-1', '--query', 'Subnets[].SubnetId', '--output', 'text'];
    const { code, out, said } = await aws('ec2', 'describe-subnets', ...args);
    assert.equal(code, 0, said);
    assert.equal(out, 'subnet-1\tsubnet-2\tsubnet-3');
  });

  test(`deletes all, and waits until the load balancer is gone (${reference}, wait load-balancers-deleted)`, async () => {
    await elbv2(`delete-listener --listener-arn ${listenerArn}`);
    await elbv2(`delete-load-balancer --load-balancer-arn ${balancerArn}`);
    await elbv2(`wait load-balancers-deleted --load-balancer-arns ${balancerArn}`);
    await elbv2(`delete-target-group --target-group-arn ${groupArn}`);
    assert.equal(await elbv2('describe-load-balancers --output text'), '');
  });
});
