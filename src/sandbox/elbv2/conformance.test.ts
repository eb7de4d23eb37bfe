import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { systemClock } from '../../runtime/clock.ts';
import { silentLog } from '../../runtime/log.ts';
import { seededRandom } from '../../runtime/random.ts';
import { virtualNetwork } from '../virtual-network.ts';
import { conformanceCases, registerConformance } from './conformance.ts';
import { createElbv2 } from './elbv2.ts';
import { sdkRequestHandler } from './sdk-request-handler.ts';

describe('ELBv2 emulator, conformance through the AWS SDK', () => {
  const clock = systemClock({ unref: true });
  const emulator = createElbv2({
    clock,
    random: seededRandom(1),
    network: virtualNetwork({ clock }),
    log: silentLog(),
  });
  const client = new ElasticLoadBalancingV2Client({
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    requestHandler: sdkRequestHandler(emulator.handle),
    maxAttempts: 1,
  });
  const { cleanUp } = registerConformance(it, {
    client,
    vpcId: 'vpc-1',
    subnet: 'subnet-1',
    prefix: 'conform',
    silentAddress: '10.0.9.9',
    patienceMs: 5000,
    pause: () => nextTurn(),
  });
  it('every case names the fact it comes from', () => {
    assert.deepEqual(
      conformanceCases.filter(({ fact }) => fact.length < 10),
      [],
    );
  });
  after(async () => {
    await cleanUp();
    await emulator.close();
  });
});
