import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { profileSettings } from './settings.ts';
import { type BucketName, createThrottle } from './throttle.ts';

function throttleOf(profile: 'instant' | 'throttled', overrides: Record<string, string> = {}) {
  const clock = virtualClock();
  const throttle = createThrottle({ clock, settings: profileSettings(profile, overrides) });
  const isTaken = (bucket: BucketName) => {
    try {
      throttle.take(bucket);
      return true;
    } catch (error) {
      assert.equal((error as { code: string }).code, 'Throttling');
      return false;
    }
  };
  const takeAll = (bucket: BucketName) => {
    let count = 0;
    while (count < 1000 && isTaken(bucket)) count++;
    return count;
  };
  return { clock, isTaken, takeAll };
}

describe('createThrottle()', () => {
  for (const [bucket, burst, perSecond] of [
    ['describe', 40, 10],
    ['registration', 20, 4],
    ['mutating', 20, 3],
    ['slow', 10, 0.2],
  ] as const) {
    it(`allows ${burst} ${bucket} calls at once and ${perSecond} a second after`, async () => {
      const { clock, takeAll } = throttleOf('throttled');
      assert.equal(takeAll(bucket), burst);
      await clock.advance(5000);
      assert.equal(takeAll(bucket), Math.min(burst, perSecond * 5));
    });
  }

  it('binds all classes together by the bucket of the account', () => {
    const { takeAll } = throttleOf('throttled');
    assert.equal(takeAll('registration'), 20);
    assert.equal(takeAll('mutating'), 20);
    assert.equal(takeAll('describe'), 0);
  });

  it('takes nothing for a refused call', async () => {
    const { clock, takeAll, isTaken } = throttleOf('throttled');
    takeAll('slow');
    for (let tries = 0; tries < 100; tries++) assert.equal(isTaken('slow'), false);
    assert.equal(takeAll('describe'), 30);
    await clock.advance(5000);
    assert.equal(isTaken('slow'), true);
  });

  it('never holds more than the burst', async () => {
    const { clock, takeAll } = throttleOf('throttled');
    await clock.advance(3_600_000);
    assert.equal(takeAll('mutating'), 20);
  });

  it('loses no token to refills in small steps', () => {
    let nowMs = 0;
    const clock = { ...virtualClock(), monotonicMs: () => nowMs };
    const throttle = createThrottle({ clock, settings: profileSettings('throttled') });
    for (let n = 0; n < 10; n++) throttle.take('slow');
    for (nowMs = 1; nowMs < 5000; nowMs++) assert.throws(() => throttle.take('slow'), { code: 'Throttling' });
    throttle.take('slow');
  });

  it('has no limit in the instant profile', () => {
    assert.equal(throttleOf('instant').takeAll('slow'), 1000);
  });
});
