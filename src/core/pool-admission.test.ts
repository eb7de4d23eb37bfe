import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { admits } from './pool-admission.ts';

test('admits() takes * for any run of characters', () => {
  const yes: [string, string][] = [
    ['*', ''],
    ['*', 'anything'],
    ['game-*', 'game-'],
    ['game-*', 'game-eu'],
    ['*-eu', 'game-eu'],
    ['g*e-*u', 'game-eu'],
    ['a*b*a', 'aba'],
    ['**', 'x'],
    ['game', 'game'],
  ];
  const no: [string, string][] = [
    ['game', 'game-eu'],
    ['game-*', 'game'],
    ['game-*', 'my-game-eu'],
    ['a*a', 'a'],
    ['a*b*a', 'aa'],
    ['.*', 'x'],
    ['', 'x'],
  ];
  for (const [pattern, name] of yes) assert.ok(admits([pattern], name), `${pattern} ${name}`);
  for (const [pattern, name] of no) assert.ok(!admits([pattern], name), `${pattern} ${name}`);
  assert.ok(admits(['web', 'game-*'], 'game-eu'));
  assert.ok(!admits([], 'game-eu'));
});

test('admits() agrees with a regular expression on every pattern', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 10 });
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '-', '*'), maxLength: 8 });
  fc.assert(
    fc.property(pattern, letters, (text, name) => {
      const expected = new RegExp(`^${text.replaceAll('*', '.*')}$`).test(name);
      assert.equal(admits([text], name), expected);
    }),
  );
});
