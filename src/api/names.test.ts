import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { randomHex, randomInt, seededRandom } from '../runtime/random.ts';
import { loadBalancerId, portObjectName, targetGroupName, targetGroupPrefix } from './names.ts';

const arnOf = (name: string, id: string) =>
  `arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/net/${name}/${id}`;

/** AWS: at most 32 letters, digits and hyphens, no hyphen first or last. */
const legal = /^[A-Za-z0-9]([-A-Za-z0-9]{0,30}[A-Za-z0-9])?$/;

test('targetGroupName() is legal and unique for 100,000 identities', () => {
  const random = seededRandom(1);
  const identities = new Map<string, [string, string, number]>();
  const add = (cluster: string, arn: string, port: number) =>
    identities.set(JSON.stringify([cluster, arn, port]), [cluster, arn, port]);
  // Identities whose parts, put together with separators or cut short, would be one.
  const clashing = ['a-b', 'a', 'b-c', 'c', 'a-b-c', 'ab', 'abc', '', '-', '--', 'a-', '-a', 'A-B', 'a_b', 'a/b'];
  for (const cluster of clashing) {
    for (const name of clashing) for (const port of [1, 11, 111]) add(cluster, name, port);
  }
  const long = 'cluster-with-a-name-far-beyond-the-limit-of-any-target-group';
  for (let length = 1; length < long.length; length++) add(long.slice(0, length), arnOf('game', 'a'.repeat(16)), 30000);
  while (identities.size < 100_000) {
    const cluster = randomHex(random, randomInt(random, 0, 36));
    add(cluster, arnOf(`game-${randomInt(random, 0, 99)}`, randomHex(random, 16)), randomInt(random, 1, 65535));
  }
  const names = [...identities.values()].map(identity => targetGroupName(...identity));
  for (const name of names) assert.ok(name.length <= 32 && legal.test(name), name);
  assert.equal(new Set(names).size, names.length);
});

test('targetGroupName() keeps apart what a hyphen could join', () => {
  const arn = arnOf('game', '0123456789abcdef');
  assert.notEqual(targetGroupName('a-b', 'c', 1), targetGroupName('a', 'b-c', 1));
  assert.notEqual(targetGroupName('c', `${arn}1`, 1), targetGroupName('c', arn, 11));
});

test('targetGroupName() is legal for any text, and always the same for the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), fc.nat(), (cluster, arn, port) => {
      const name = targetGroupName(cluster, arn, port);
      assert.match(name, legal);
      assert.equal(name.length, 30);
      assert.equal(targetGroupName(cluster, arn, port), name);
      assert.ok(name.startsWith(targetGroupPrefix(cluster)));
    }),
  );
});

test('loadBalancerId() takes Network Load Balancers of any partition and nothing else', () => {
  const id = '50dc6c495c0c9188';
  assert.equal(loadBalancerId(arnOf('game-1', id)), id);
  assert.equal(
    loadBalancerId(`arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:loadbalancer/net/game-1/${id}`),
    id,
  );
  const wrong = [
    arnOf('game-1', id).replace('/net/', '/app/'),
    arnOf('game-1', id).replace(':loadbalancer/', ':targetgroup/'),
    arnOf('game-1', id.slice(1)),
    arnOf('game-1', id.toUpperCase()),
    `${arnOf('game-1', id)}/x`,
    `${arnOf('game-1', id)}\n`,
    '',
  ];
  for (const arn of wrong) assert.equal(loadBalancerId(arn), undefined, arn);
});

test('portObjectName() is a legal object name that tells load balancer and number', () => {
  assert.equal(portObjectName(arnOf('game-1', '50dc6c495c0c9188'), 30000), 'nlb-50dc6c495c0c9188-30000');
  assert.throws(() => portObjectName('arn:aws:s3:::bucket', 1), RangeError);
});
