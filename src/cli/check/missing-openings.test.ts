import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contains, type GroupRule, missingOpenings, type SecurityGroup } from './missing-openings.ts';
import { type CheckQuestion, openingsFor } from './openings.ts';

const everything: GroupRule = { IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] };
const rule = (IpProtocol: string, FromPort: number, ToPort: number, peer: string): GroupRule => ({
  ...{ IpProtocol, FromPort, ToPort },
  ...(peer.startsWith('sg-') ? { UserIdGroupPairs: [{ GroupId: peer }] } : { IpRanges: [{ CidrIp: peer }] }),
});
const group = (GroupId: string, IpPermissions: GroupRule[], IpPermissionsEgress = [everything]): SecurityGroup => ({
  ...{ GroupId, IpPermissions, IpPermissionsEgress },
});
const balancer = (groups: string[]) => ({
  arn: 'arn',
  name: 'game-1',
  groups,
  subnetCidrs: ['10.0.1.0/24', '10.0.2.0/24'],
});

function question(more: Partial<CheckQuestion> = {}, pool: Partial<CheckQuestion['pool']> = {}): CheckQuestion {
  return {
    pool: {
      ...{ name: 'game', protocol: 'UDP', ports: { min: 30000, max: 30049 }, preserveClientIP: false },
      ...{ healthPort: 8080, ...pool },
    },
    loadBalancers: [balancer(['sg-lb'])],
    podGroups: ['sg-pods'],
    gamePorts: [7777],
    players: ['0.0.0.0/0'],
    ...more,
  };
}
const commands = (asked: CheckQuestion, groups: SecurityGroup[]) =>
  missingOpenings(openingsFor(asked), groups).flatMap(missing => missing.commands);
const ingress = 'aws ec2 authorize-security-group-ingress --group-id';

describe('a load balancer with a group', () => {
  const players = rule('udp', 30000, 30049, '0.0.0.0/0');
  const game = rule('udp', 7777, 7777, 'sg-lb');
  const health = rule('tcp', 8080, 8080, 'sg-lb');

  test('is open with the three rules of the table, and each one that is missing is told with its command', () => {
    assert.deepEqual(commands(question(), [group('sg-lb', [players]), group('sg-pods', [game, health])]), []);
    assert.deepEqual(commands(question(), [group('sg-lb', []), group('sg-pods', [game, health])]), [
      `${ingress} sg-lb --protocol udp --port 30000-30049 --cidr 0.0.0.0/0`,
    ]);
    assert.deepEqual(commands(question(), [group('sg-lb', [players]), group('sg-pods', [health])]), [
      `${ingress} sg-pods --protocol udp --port 7777 --source-group sg-lb`,
    ]);
    assert.deepEqual(commands(question(), [group('sg-lb', [players]), group('sg-pods', [game])]), [
      `${ingress} sg-pods --protocol tcp --port 8080 --source-group sg-lb`,
    ]);
  });

  test('needs a way out to the pods as well', () => {
    const shut = group('sg-lb', [players], [rule('udp', 7777, 7777, 'sg-pods')]);
    assert.deepEqual(commands(question(), [shut, group('sg-pods', [game, health])]), [
      "aws ec2 authorize-security-group-egress --group-id sg-lb --ip-permissions 'IpProtocol=tcp,FromPort=8080,ToPort=8080,UserIdGroupPairs=[{GroupId=sg-pods}]'",
    ]);
  });

  test('is told only the ports that no rule has', () => {
    const some = [rule('17', 30000, 30009, '0.0.0.0/0'), rule('udp', 30020, 40000, '0.0.0.0/0')];
    assert.deepEqual(commands(question(), [group('sg-lb', some), group('sg-pods', [game, health])]), [
      `${ingress} sg-lb --protocol udp --port 30010-30019 --cidr 0.0.0.0/0`,
    ]);
  });

  test('is not opened by a rule of another protocol, for other addresses, or of another group', () => {
    const wrong = [rule('tcp', 30000, 30049, '0.0.0.0/0'), rule('udp', 30000, 30049, '10.0.0.0/8')];
    const others = group('sg-other', [players]);
    assert.equal(commands(question(), [group('sg-lb', wrong), others, group('sg-pods', [game, health])]).length, 1);
  });
});

describe('a load balancer without a group', () => {
  const without = question({ loadBalancers: [balancer([])] });

  test('needs players and its subnets at the pods for UDP, which keeps the addresses of players', () => {
    assert.deepEqual(commands(without, [group('sg-pods', [])]), [
      `${ingress} sg-pods --protocol udp --port 7777 --cidr 0.0.0.0/0`,
      `${ingress} sg-pods --protocol tcp --port 8080 --cidr 10.0.1.0/24`,
      `${ingress} sg-pods --protocol tcp --port 8080 --cidr 10.0.2.0/24`,
    ]);
    const open = [rule('udp', 7777, 7777, '0.0.0.0/0'), rule('tcp', 8080, 8080, '10.0.0.0/8')];
    assert.deepEqual(commands(without, [group('sg-pods', open)]), []);
  });

  test('needs its subnets alone for TCP that does not keep them', () => {
    const tcp = { ...without, pool: { ...without.pool, protocol: 'TCP', healthPort: 'traffic-port' } } as const;
    const open = [rule('tcp', 7777, 7777, '10.0.0.0/16')];
    assert.deepEqual(commands(tcp, [group('sg-pods', open)]), []);
    const keeping = { ...tcp, pool: { ...tcp.pool, preserveClientIP: true } };
    assert.deepEqual(commands(keeping, [group('sg-pods', open)]), [
      `${ingress} sg-pods --protocol tcp --port 7777 --cidr 0.0.0.0/0`,
    ]);
  });
});

test('missingOpenings() tells a rule once that several load balancers with one group need', () => {
  const asked = question({ loadBalancers: [balancer(['sg-lb']), balancer(['sg-lb'])] });
  assert.equal(commands(asked, [group('sg-lb', []), group('sg-pods', [everything])]).length, 1);
});

test('TCP_UDP needs both protocols, from players to the pod', () => {
  const told = commands(question({}, { protocol: 'TCP_UDP', healthPort: 'traffic-port' }), [
    group('sg-lb', []),
    group('sg-pods', []),
  ]);
  assert.deepEqual(
    told.map(text => / --group-id (\S+) --protocol (\w+) --port (\S+)/.exec(text)?.slice(1).join(' ')),
    ['sg-lb tcp 30000-30049', 'sg-lb udp 30000-30049', 'sg-pods tcp 7777', 'sg-pods udp 7777'],
  );
});

test('contains() compares networks by their addresses', () => {
  assert.equal(contains('0.0.0.0/0', '255.255.255.255/32'), true);
  assert.equal(contains('10.0.0.0/8', '10.255.0.0/16'), true);
  assert.equal(contains('10.0.0.0/8', '11.0.0.0/8'), false);
  assert.equal(contains('10.0.0.0/16', '10.0.0.0/8'), false);
  assert.equal(contains('::/0', '10.0.0.0/8'), false);
});
