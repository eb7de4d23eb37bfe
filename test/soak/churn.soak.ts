import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/runtime/random.ts';
import { churn } from '../cluster/churn.ts';

const seed = Number(process.env.NLBPORTS_SEED ?? 1);

test('60 rooms come and go through 30 kills of the operator, 5 of the API server and two bad minutes of AWS', async t => {
  const report = await churn({
    rooms: 60,
    operatorKills: 30,
    apiServerKills: 5,
    etcdRestarts: 1,
    outageMs: 60_000,
    throttleMs: 60_000,
    random: seededRandom(seed),
    say: line => t.diagnostic(line),
  });
  assert.deepEqual(report.misrouted, []);
  assert.ok(report.probes.right > 1_000, `${report.probes.right} right answers`);
});
