import type { Clock } from '../../src/runtime/clock.ts';
import { type Random, randomInt, seededRandom } from '../../src/runtime/random.ts';
import { startAwsSandbox } from '../../src/sandbox/aws-sandbox.ts';
import { profileSettings } from '../../src/sandbox/elbv2/settings.ts';
import { signatureHeaders } from '../../src/sandbox/elbv2/test-client.ts';
import { virtualNetwork } from '../../src/sandbox/virtual-network.ts';
import { happens, oddText, pick } from './chance.ts';
import type { FrontDoor } from './front-door.ts';
import { recordingLog } from './recording-log.ts';

type Form = readonly (readonly [string, string])[];

/** The AWS endpoint, with load balancers on a network that is no real one. */
export async function openAwsDoor(deps: { clock: Clock; random: Random }): Promise<FrontDoor> {
  const { clock } = deps;
  const { log, failures } = recordingLog();
  const arns: string[] = ['arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/none/0123456789abcdef'];
  const sandbox = await startAwsSandbox(
    { clock, random: seededRandom(1), network: virtualNetwork({ clock }), log },
    { port: 0, settings: profileSettings('instant', { 'load-balancers': '20', 'target-groups': '50' }) },
  );
  const host = Number(new URL(sandbox.url).port);
  return {
    name: 'aws',
    port: host,
    failures,
    request(random) {
      if (happens(random, 0.02)) return admin(random);
      const ec2 = happens(random, 0.2);
      const form = changed(random, ec2 ? ec2Form(random) : elbForm(random, arns));
      const query = new URLSearchParams(form.map(([name, value]) => [name, value] as [string, string])).toString();
      const service = happens(random, 0.03) ? oddText(random).slice(0, 20) : ec2 ? 'ec2' : 'elasticloadbalancing';
      const headers: Record<string, string> = signatureHeaders(clock.nowMs(), 'us-east-1', 'AKIA', service);
      if (happens(random, 0.03)) headers.authorization = `AWS4-HMAC-SHA256 Credential=${oddText(random).slice(0, 200)}`;
      if (happens(random, 0.02)) headers['x-amz-date'] = oddText(random).slice(0, 50);
      for (const name of Object.keys(headers)) headers[name] = headers[name]!.replace(/[^\x20-\x7e]/g, '?');
      return happens(random, 0.1)
        ? { method: 'GET', path: `/?${query.slice(0, 8_000)}`, headers, body: '' }
        : { method: 'POST', path: '/', headers, body: happens(random, 0.05) ? oddText(random) : query };
    },
    learn(body) {
      const gone = body.includes('NotFound');
      for (const [arn] of body.matchAll(/arn:aws:elasticloadbalancing:[\w/:-]{20,200}/g)) {
        const at = arns.indexOf(arn, 1);
        if (gone && at > 0) arns.splice(at, 1);
        else if (!gone && at < 0 && arns.length < 200) arns.push(arn);
      }
    },
    healthy: () => ({
      method: 'POST',
      path: '/',
      headers: signatureHeaders(clock.nowMs()),
      body: 'Action=DescribeLoadBalancers&Version=2015-12-01',
    }),
    // What the emulator lacks, it says.
    isRight: status => status === 501,
    leftOver: () => undefined,
    close: () => sandbox.close(),
  };
}

function admin(random: Random) {
  const path = `/_emulator/${pick(random, ['calls', 'faults', 'state', 'calls?action=x&entries=0', 'calls?%', 'x/../y'])}`;
  const method = pick(random, ['GET', 'DELETE', 'POST']);
  return { method, path, headers: {}, body: method === 'POST' ? oddText(random) : '' };
}

const actions = [
  ...['Create', 'Create', 'Create', 'Describe', 'Modify', 'Delete'].flatMap(verb =>
    ['LoadBalancer', 'TargetGroup', 'Listener'].map(noun => `${verb}${noun}${verb === 'Describe' ? 's' : ''}`),
  ),
  ...['LoadBalancer', 'TargetGroup', 'Listener'].flatMap(noun => [
    `Describe${noun}Attributes`,
    `Modify${noun}Attributes`,
  ]),
  ...['SetSubnets', 'SetSecurityGroups', 'SetIpAddressType', 'AddTags', 'RemoveTags', 'DescribeTags'],
  ...['RegisterTargets', 'DeregisterTargets', 'DescribeTargetHealth', 'DescribeAccountLimits', 'CreateRule'],
];

/** A call with every parameter that some action reads; each action takes what it knows. */
function elbForm(random: Random, arns: readonly string[]): Form {
  const arn = () => pick(random, arns);
  const kind = (part: string) => {
    const some = arns.filter(each => each.includes(part));
    return some.length > 0 ? pick(random, some) : arn();
  };
  const name = `fuzz-${randomInt(random, 0, 30)}`;
  const protocol = pick(random, ['TCP', 'UDP', 'TCP_UDP', 'TLS', 'HTTP']);
  const attribute = pick(random, [
    ['deregistration_delay.timeout_seconds', '0'],
    ['stickiness.enabled', 'true'],
    ['preserve_client_ip.enabled', 'false'],
    ['load_balancing.cross_zone.enabled', 'true'],
    ['tcp.idle_timeout.seconds', '60'],
  ]);
  return (
    [
      ['Action', pick(random, actions)],
      ['Version', '2015-12-01'],
      ['Name', name],
      ['Type', pick(random, ['network', 'network', 'network', 'application'])],
      ['Subnets.member.1', `subnet-${randomInt(random, 1, 4)}`],
      ['Protocol', protocol],
      ['Port', String(randomInt(random, 1, 70_000))],
      ['VpcId', 'vpc-1'],
      ['TargetType', 'ip'],
      ['HealthCheckPort', 'traffic-port'],
      ['HealthCheckIntervalSeconds', '30'],
      ['LoadBalancerArn', kind(':loadbalancer/')],
      ['TargetGroupArn', kind(':targetgroup/')],
      ['ListenerArn', kind(':listener/')],
      ['DefaultActions.member.1.Type', 'forward'],
      ['DefaultActions.member.1.TargetGroupArn', kind(':targetgroup/')],
      ['Targets.member.1.Id', `10.0.0.${randomInt(random, 0, 300)}`],
      ['Targets.member.1.Port', String(randomInt(random, 1, 65_535))],
      ['Attributes.member.1.Key', attribute[0]!],
      ['Attributes.member.1.Value', attribute[1]!],
      ['ResourceArns.member.1', arn()],
      ['Tags.member.1.Key', 'k'],
      ['Tags.member.1.Value', 'v'],
      ['TagKeys.member.1', 'k'],
      ['PageSize', '2'],
      ['IpAddressType', 'ipv4'],
      ['SecurityGroups.member.1', 'sg-1'],
    ] as const
  ).filter(([key]) => key === 'Action' || key === 'Version' || happens(random, 0.97));
}

function ec2Form(random: Random): Form {
  const noun = pick(random, [
    'Subnets',
    'AvailabilityZones',
    'Vpcs',
    'SecurityGroups',
    'NetworkInterfaces',
    'Instances',
  ]);
  return (
    [
      ['Action', `Describe${noun}`],
      ['Version', '2016-11-15'],
      ['SubnetId.1', `subnet-${randomInt(random, 1, 300)}`],
      ['Filter.1.Name', pick(random, ['vpc-id', 'vpc-id', 'description', 'subnet-id', 'tag:Name', 'tag-key'])],
      ['Filter.1.Value.1', pick(random, ['vpc-1', '*', 'ELB net/*', 'subnet-1', '?????'])],
      ['Filter.2.Name', 'owner-id'],
      ['Filter.2.Value.1', '1*'],
      ['MaxResults', '5'],
      ['NextToken', Buffer.from('from:5').toString('base64url')],
      ['GroupId.1', 'sg-7'],
    ] as const
  ).filter(([key]) => /^Action|^Version|^Filter/.test(key) || happens(random, 0.3));
}

/** At times some parameters are renamed, replaced, dropped or doubled. */
function changed(random: Random, form: Form): Form {
  let left = [...form];
  while (happens(random, 0.35) && left.length > 0) {
    const at = randomInt(random, 0, left.length - 1);
    const [name, value] = left[at]!;
    const change = pick<() => Form>(random, [
      () => [[name, oddText(random)]],
      () => [[name, oddText(random)]],
      () => [[name.replace('.1', `.${oddText(random)}`), value]],
      () => [[`${name}.${oddText(random)}`, value]],
      () => [[oddText(random), value]],
      () => [
        [name, value],
        [name.replace('.1', '.2'), value],
      ],
      () => [],
    ]);
    left = left.flatMap((each, index) => (index === at ? change() : [each]));
  }
  return left;
}
