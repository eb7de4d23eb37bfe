import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { createPodAddresses } from './pod-addresses.ts';

describe('createPodAddresses()', () => {
  it('hands out the lowest address that is free', () => {
    const addresses = createPodAddresses({ clock: virtualClock() }, { first: '10.0.1.254' });
    assert.deepEqual([addresses.take(), addresses.take(), addresses.take()], ['10.0.1.254', '10.0.1.255', '10.0.2.0']);
  });

  it('leaves a released address alone for its cooldown, and then reissues it', async () => {
    const clock = virtualClock();
    const addresses = createPodAddresses({ clock }, { first: '10.0.1.5', cooldownMs: 30_000 });
    addresses.take();
    addresses.take();
    addresses.release('10.0.1.5');
    await clock.advance(29_999);
    assert.equal(addresses.take(), '10.0.1.7');
    await clock.advance(1);
    assert.equal(addresses.take(), '10.0.1.5');
  });

  it('has none left when all are taken or cooling, and takes no notice of a second release', async () => {
    const clock = virtualClock();
    const addresses = createPodAddresses({ clock }, { count: 1 });
    const ip = addresses.take()!;
    assert.equal(addresses.take(), undefined);
    addresses.release(ip);
    addresses.release(ip);
    assert.equal(addresses.take(), undefined);
    await clock.advance(30_000);
    assert.equal(addresses.take(), ip);
    assert.equal(addresses.take(), undefined);
  });
});
