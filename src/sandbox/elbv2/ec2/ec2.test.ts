import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../../runtime/log.ts';
import { seededRandom } from '../../../runtime/random.ts';
import { virtualClock } from '../../../runtime/virtual-clock.ts';
import { virtualNetwork } from '../../virtual-network.ts';
import { createElbv2 } from '../elbv2.ts';
import { profileSettings } from '../settings.ts';
import { signatureHeaders } from '../test-client.ts';

const version = 'Version=2016-11-15';

describe('EC2 beside the load balancers', () => {
  const clock = virtualClock();
  const emulator = (deny = '') =>
    createElbv2({
      clock,
      random: seededRandom(1),
      network: virtualNetwork({ clock }),
      log: silentLog(),
      settings: profileSettings('instant', { deny }),
    });
  const ask = (of: ReturnType<typeof emulator>, body: string, region = 'us-east-1', service = 'ec2') =>
    of.handle({ method: 'POST', path: '/', headers: signatureHeaders(clock.nowMs(), region, 'AKIA', service), body });

  it('answers by the service that the signature is for', async () => {
    const both = emulator();
    const body = `Action=DescribeVpcs&${version}`;
    assert.match((await ask(both, body)).body, /<vpcSet><item><vpcId>vpc-1<\/vpcId>/);
    assert.match((await ask(both, body, 'us-east-1', 'elasticloadbalancing')).body, /<Code>InvalidAction</);
    assert.equal((await ask(both, body, 'us-east-1', 's3')).status, 403);
  });

  it('says no in the words of EC2', async () => {
    const one = emulator('DescribeVpcs');
    const code = async (body: string) => {
      const answer = await ask(one, body);
      return [answer.status, /<Response><Errors><Error><Code>([^<]*)/.exec(answer.body)?.[1]];
    };
    assert.deepEqual(await code(`Action=RunInstances&${version}`), [400, 'InvalidAction']);
    assert.deepEqual(await code('Action=DescribeSubnets&Version=1'), [400, 'NoSuchVersion']);
    assert.deepEqual(await code(version), [400, 'MissingAction']);
    assert.deepEqual(await code(`Action=DescribeVpcs&${version}`), [403, 'UnauthorizedOperation']);
    assert.deepEqual(await code(`Action=DescribeSubnets&${version}&NextToken=x`), [400, 'InvalidParameterValue']);
    assert.deepEqual(await code(`Action=DescribeSubnets&${version}&Filter.1=x`), [400, 'InvalidParameterValue']);
    assert.deepEqual(await code(`Action=DescribeSubnets&${version}&SubnetId.1=%00`), [400, 'InvalidSubnetID.NotFound']);
  });

  it('makes no more subnets by asking than a VPC can have', async () => {
    const full = emulator();
    const ids = Array.from({ length: 201 }, (_, n) => `&SubnetId.${n + 1}=subnet-${n}`).join('');
    assert.match((await ask(full, `Action=DescribeSubnets&${version}${ids}`)).body, /InvalidSubnetID.NotFound/);
    const { body } = await ask(full, `Action=DescribeSubnets&${version}`);
    assert.equal(body.match(/<subnetId>/g)!.length, 200);
    const networks = (await ask(full, `Action=DescribeVpcs&${version}`)).body.match(/10\.\d+\.0\.0\/16/g)!;
    assert.ok(networks.includes('10.12.0.0/16'), 'the network of the last subnet belongs to the VPC');
  });

  it('names zones by the short name of their region', async () => {
    const one = emulator();
    for (const [region, id] of [
      ['us-east-1', 'use1-az1'],
      ['eu-central-1', 'euc1-az1'],
      ['ap-southeast-2', 'apse2-az1'],
      ['us-gov-west-1', 'usgw1-az1'],
    ] as const) {
      const { body } = await ask(one, `Action=DescribeAvailabilityZones&${version}`, region);
      assert.equal(/<zoneId>([^<]*)/.exec(body)![1], id);
    }
  });
});
