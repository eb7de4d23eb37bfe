import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { networkMap, parseNetworkMapRule } from './network-map.ts';

function mapOf(...rules: string[]) {
  return networkMap(
    rules.map(text => {
      const parsed = parseNetworkMapRule(text);
      assert.ok(parsed.ok, text);
      return parsed.rule;
    }),
  );
}

describe('networkMap()', () => {
  it('keeps the host bits', () => {
    const map = mapOf('10.0.0.0/8=127.0.0.0/8');
    assert.equal(map('10.0.1.5'), '127.0.1.5');
    assert.equal(map('10.255.255.254'), '127.255.255.254');
    assert.equal(map('192.168.1.1'), '192.168.1.1');
  });

  it('prefers the longest rule', () => {
    const map = mapOf('10.0.0.0/8=127.0.0.0/8', '10.1.2.0/24=127.99.0.0/24', '0.0.0.0/0=0.0.0.0/0');
    assert.equal(map('10.1.2.7'), '127.99.0.7');
    assert.equal(map('10.1.3.7'), '127.1.3.7');
    assert.equal(map('203.0.113.1'), '203.0.113.1');
  });

  it('leads IPv6 addresses to IPv4 ones by their last bits, however they are written', () => {
    const map = mapOf('fd00::/104=127.0.0.0/8', '10.0.0.0/8=127.0.0.0/8', 'fd00::9:0/112=127.9.0.0/16');
    assert.equal(map('fd00::5:107'), '127.5.1.7');
    assert.equal(map('FD00:0:0:0:0:0:5:107'), '127.5.1.7');
    assert.equal(map('fd00::9:1'), '127.9.0.1');
    assert.equal(map('fd00::1:0:0:1'), 'fd00::1:0:0:1');
    assert.equal(map('::1'), '::1');
    assert.equal(map('10.0.0.1'), '127.0.0.1');
    assert.equal(mapOf('::/96=0.0.0.0/0')('::ffff'), '0.0.255.255');
  });

  it('ignores host bits of the networks as written', () => {
    assert.equal(mapOf('10.1.2.3/8=127.7.7.7/8')('10.0.1.5'), '127.0.1.5');
  });

  it('leaves what is no address of its networks alone', () => {
    const map = mapOf('10.0.0.0/8=127.0.0.0/8');
    assert.equal(map('fd00::1'), 'fd00::1');
    assert.equal(map('10.0.0'), '10.0.0');
  });
});

describe('parseNetworkMapRule()', () => {
  for (const text of [
    '',
    '10.0.0.0/8',
    '10.0.0.0/8=',
    '10.0.0.0/8=127.0.0.0/16',
    '10.0.0.0/33=127.0.0.0/33',
    '10.0.0.256/8=127.0.0.0/8',
    'a=b',
    'fd00::/8=127.0.0.0/8',
    'fd00::/129=127.0.0.0/8',
    '10.0.0.0/8=fd00::/104',
    '10.0.0.0/8=127.0.0.0/8=1.0.0.0/8',
  ]) {
    it(`refuses "${text}" with a sentence`, () => {
      const parsed = parseNetworkMapRule(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.message, /^Cannot read the network map ".*".*\.$/);
    });
  }
});
