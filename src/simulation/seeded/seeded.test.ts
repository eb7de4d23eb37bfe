import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pastFailures } from './past-failures.ts';
import { edited, readSource } from './plant.ts';
import { plantedBugs } from './planted-bugs.ts';
import { playSeed } from './play-seed.ts';
import { failureText } from './report.ts';

/** The rest is for `npm run sim`: these few show that the machine runs. */
const someSeeds = [4];

test('the same seed gives the same run, and another seed another one', async () => {
  const [first, again, other] = [await playSeed(4), await playSeed(4), await playSeed(7)];
  assert.equal(again.hash, first.hash);
  assert.notEqual(other.hash, first.hash);
});

for (const { seed, was } of [...someSeeds.map(seed => ({ seed, was: 'a few more' })), ...pastFailures]) {
  test(`every invariant holds in the run of seed ${seed} (${was})`, async () => {
    const played = await playSeed(seed);
    assert.deepEqual(played.broken, [], failureText({ ...played, trace: [...played.trace] }));
    assert.ok(played.acts > 5, `${played.acts} acts`);
  });
}

test('every planted bug still fits the sources', () => {
  for (const { name, edits } of plantedBugs) {
    for (const [file, of] of Map.groupBy(edits, edit => edit.file)) {
      assert.doesNotThrow(() => edited(readSource(file), of), name);
    }
  }
});

test('a bug that no longer fits the sources is told, not skipped', () => {
  assert.throws(() => edited('a b a', [{ file: 'x.ts', find: 'a', replace: 'c' }]), /2 times/);
  assert.throws(() => edited('a b a', [{ file: 'x.ts', find: 'd', replace: 'c' }]), /0 times/);
});
