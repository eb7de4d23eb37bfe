import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bugTable, recordedSeeds } from './find-bugs.ts';
import { plantedBugs } from './planted-bugs.ts';

const [first, second, third] = plantedBugs;

test('bugTable() replaces the rows of what was played, and recordedSeeds() reads their seeds back', () => {
  const one = bugTable('', [{ bug: first!, seed: 7, invariants: ['no leak', 'progress'], what: '' }]);
  const both = bugTable(one, [{ bug: second!, seed: undefined, invariants: [], what: '' }]);
  assert.deepEqual([...recordedSeeds(both)], [[first!.name, 7]]);
  const rowOf = (name: string) => both.split('\n').find(line => line.startsWith(`| \`${name}\``));
  assert.equal(rowOf(first!.name), `| \`${first!.name}\` | ${first!.what} | 7 | no leak, progress |`);
  assert.equal(rowOf(second!.name), `| \`${second!.name}\` | ${second!.what} | none of 200 | none |`);
  assert.equal(rowOf(third!.name), `| \`${third!.name}\` | ${third!.what} | not played | |`);
});

test('recordedSeeds() leaves out what was not found', () => {
  assert.equal(recordedSeeds('| `a-bug` | what | none of 200 | none |\n| `b-bug` | what | not played | |').size, 0);
});
