import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CodedException } from '../../api/errors.ts';
import { virtualClock } from '../../runtime/virtual-clock.ts';
import { type Network, NetworkError } from '../network.ts';
import { virtualNetwork } from '../virtual-network.ts';
import { takeLoopbackBlock } from './loopback-block.ts';

const coded = (reason: string, pattern: RegExp) => (error: unknown) =>
  error instanceof CodedException && error.coded.reason === reason && pattern.test(error.message);

/** A machine that has these addresses alone. */
function machineWith(has: (host: string) => boolean): Network {
  const inner = virtualNetwork({ clock: virtualClock() });
  return {
    ...inner,
    async listenTcp(at, onConnection) {
      if (!has(at.host)) throw new NetworkError('EADDRNOTAVAIL', `${at.host} is not of this machine`);
      return inner.listenTcp(at, onConnection);
    },
  };
}

describe('takeLoopbackBlock()', () => {
  it('gives every sandbox of a machine addresses of its own, and takes them back', async () => {
    const network = machineWith(() => true);
    const first = await takeLoopbackBlock({ network });
    const second = await takeLoopbackBlock({ network });
    assert.equal(first.hostFor('10.0.1.5'), '127.1.1.5');
    assert.equal(second.hostFor('10.0.1.5'), '127.2.1.5');
    assert.notEqual(first.addressRange, second.addressRange);
    await first.release();
    assert.equal((await takeLoopbackBlock({ network })).hostFor('10.0.1.5'), '127.1.1.5');
  });

  it('goes round to the lowest block after the highest', async () => {
    const network = machineWith(() => true);
    await takeLoopbackBlock({ network }, { firstBlock: 63 });
    assert.equal((await takeLoopbackBlock({ network }, { firstBlock: 63 })).hostFor('10.0.1.5'), '127.1.1.5');
  });

  it('refuses a map of the user that another sandbox uses', async () => {
    const network = machineWith(() => true);
    const { networkMap } = await takeLoopbackBlock({ network });
    await assert.rejects(
      takeLoopbackBlock({ network }, { networkMap }),
      coded('PortInUse', /^NLBP-5003: .*127\.1\.0\.10/),
    );
  });

  it('tells a machine without loopback addresses the command that adds one', async () => {
    const network = machineWith(host => host === '127.0.0.1');
    await assert.rejects(
      takeLoopbackBlock({ network }),
      coded('NoLoopbackAddress', /^NLBP-5004: .*sudo ifconfig lo0 alias 127\.1\.0\.10 up/),
    );
  });

  it('tries the addresses of pods and load balancers too where each is added by hand', async () => {
    const pods = machineWith(host => host === '127.1.0.10');
    await assert.rejects(
      takeLoopbackBlock({ network: pods }, { fewAddresses: true }),
      coded('NoLoopbackAddress', /127\.1\.1\.5/),
    );
    const balancers = machineWith(host => host === '127.1.0.10' || host.startsWith('127.1.1.'));
    await assert.rejects(
      takeLoopbackBlock({ network: balancers }, { fewAddresses: true }),
      coded('NoLoopbackAddress', /127\.65\.0\.1/),
    );
    const enough = machineWith(host => host === '127.1.0.10' || /^127\.(1\.1|65\.0)\./.test(host));
    assert.equal((await takeLoopbackBlock({ network: enough }, { fewAddresses: true })).addressRange, '127.65.0.0/28');
  });
});
