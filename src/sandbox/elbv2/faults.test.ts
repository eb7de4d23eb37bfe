import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { virtualNetwork } from '../virtual-network.ts';
import { createElbv2 } from './elbv2.ts';
import { type Fault, readFaults, withFaults } from './faults.ts';
import { testClient } from './test-client.ts';

function lab(...faults: Fault[]) {
  const clock = virtualClock();
  const emulator = createElbv2({
    clock,
    random: seededRandom(1),
    network: virtualNetwork({ clock }),
    log: silentLog(),
  });
  const faulty = withFaults({ handle: emulator.handle, clock, random: seededRandom(2), faults });
  const call = testClient(faulty.handle, clock);
  const create = (name: string) =>
    call('CreateTargetGroup', { Name: name, Protocol: 'TCP', Port: 1, VpcId: 'vpc-1', TargetType: 'ip' });
  const names = async () => (await testClient(emulator.handle, clock)('DescribeTargetGroups')).texts('TargetGroupName');
  return { clock, faulty, call, create, names };
}

describe('withFaults()', () => {
  it('lets everything pass without a fault', async () => {
    const { create, names } = lab();
    assert.equal((await create('a')).status, 200);
    assert.deepEqual(await names(), ['a']);
  });

  it('throttles without doing anything', async () => {
    const { create, names } = lab({ kind: 'throttle', actions: ['CreateTargetGroup'] });
    const answer = await create('a');
    assert.deepEqual([answer.status, answer.code, answer.message], [400, 'Throttling', 'Rate exceeded']);
    assert.deepEqual(await names(), []);
  });

  it('answers 5xx without doing anything, or after doing it', async () => {
    const before = lab({ kind: 'error', status: 503, code: 'ServiceUnavailable' });
    assert.deepEqual([(await before.create('a')).status, await before.names()], [503, []]);
    const after = lab({ kind: 'lost-error' });
    assert.deepEqual([(await after.create('a')).code, await after.names()], ['InternalFailure', ['a']]);
  });

  it('loses the answer after the change was made, or the whole call', async () => {
    const lost = lab({ kind: 'lost' });
    await assert.rejects(lost.create('a'), { code: 'ECONNRESET' });
    assert.deepEqual(await lost.names(), ['a']);
    const dropped = lab({ kind: 'dropped' });
    await assert.rejects(dropped.create('a'), { code: 'ECONNRESET' });
    assert.deepEqual(await dropped.names(), []);
  });

  it('is late, or hangs after the change was made', async () => {
    const late = lab({ kind: 'late', delayMs: 5000 });
    const answer = late.create('a');
    await late.clock.advance(4999);
    assert.deepEqual(await late.names(), []);
    await late.clock.advance(1);
    assert.equal((await answer).status, 200);
    const hang = lab({ kind: 'hang', delayMs: 5000 });
    const hanging = hang.create('a');
    await hang.clock.settle();
    assert.deepEqual(await hang.names(), ['a']);
    await hang.clock.advance(5000);
    assert.equal((await hanging).status, 200);
  });

  it('answers a describe as it was a while ago', async () => {
    const { call, create, clock } = lab({ kind: 'stale', delayMs: 3000 });
    const seen = async () => (await call('DescribeTargetGroups')).texts('TargetGroupName');
    assert.deepEqual(await seen(), []);
    await create('a');
    assert.deepEqual(await seen(), []);
    await clock.advance(3001);
    assert.deepEqual(await seen(), ['a']);
  });

  it('strikes only what it was told to: action, text, after, times, share', async () => {
    const { call, create, faulty } = lab({ kind: 'throttle', contains: 'Name=hit', after: 1, times: 2 });
    assert.equal((await call('DescribeAccountLimits')).status, 200);
    const codes = [];
    for (const name of ['hit-1', 'miss', 'hit-2', 'hit-3', 'hit-4']) codes.push((await create(name)).code);
    assert.deepEqual(codes, [undefined, undefined, 'Throttling', 'Throttling', undefined]);
    assert.equal(faulty.list()[0]!.struck, 2);
    faulty.set([{ kind: 'throttle', probability: 0.5 }]);
    let throttled = 0;
    for (let n = 0; n < 200; n++) if ((await call('DescribeAccountLimits')).code) throttled++;
    assert.ok(throttled > 70 && throttled < 130, String(throttled));
    faulty.set([]);
    assert.equal((await create('hit-9')).status, 200);
  });
});

describe('readFaults()', () => {
  it('accepts what withFaults() understands', () => {
    const faults = [{ kind: 'lost', actions: ['CreateListener'], probability: 0.5, times: 3 }];
    assert.deepEqual(readFaults(faults), { ok: true, faults });
  });

  for (const bad of [
    undefined,
    {},
    [1],
    [{}],
    [{ kind: 'boom' }],
    [{ kind: 'lost', times: 'many' }],
    [{ kind: 'lost', action: 'X' }],
    [{ kind: 'lost', actions: 'X' }],
  ]) {
    it(`refuses ${JSON.stringify(bad)} with a sentence`, () => {
      const read = readFaults(bad);
      assert.ok(!read.ok);
      assert.match(read.message, /\.$/);
    });
  }
});
