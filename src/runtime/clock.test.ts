import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { systemClock } from './clock.ts';

test('systemClock() waits out a delay that is longer than one timeout of the machine can be', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const hour = 3_600_000;
    const days = 24 * hour;
    // A mocked timer that is set by another counts from the end of the tick: small ticks.
    const pass = (ms: number) => {
      for (let passed = 0; passed < ms; passed += hour) mock.timers.tick(hour);
    };
    let fired = 0;
    systemClock().after(60 * days, () => {
      fired++;
    });
    const cancelled = systemClock().after(60 * days, () => assert.fail('cancelled'));
    pass(40 * days);
    cancelled.cancel();
    pass(19 * days);
    assert.equal(fired, 0);
    pass(1 * days + 3 * hour);
    assert.equal(fired, 1);
  } finally {
    mock.timers.reset();
  }
});
