import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/runtime/random.ts';
import { churn } from './churn.ts';

const seed = Number(process.env.NLBPORTS_SEED ?? 1);

test('rooms that come and go while everything is killed keep their ports, and no port is lost or answers for another', async t => {
  const report = await churn({
    rooms: 20,
    operatorKills: 4,
    apiServerKills: 1,
    etcdRestarts: 1,
    outageMs: 5_000,
    throttleMs: 5_000,
    random: seededRandom(seed),
    say: line => t.diagnostic(line),
  });
  assert.deepEqual(report.misrouted, []);
  assert.ok(report.probes.right > 50, `${report.probes.right} right answers`);
});
