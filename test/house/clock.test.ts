import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFiles, isForTests, typeScript, withoutComments } from './sources.ts';

/** The machine's own time and chance: what a simulation could not move. */
const ambient =
  /\b(?:Date\.now|Math\.random|(?:setTimeout|setInterval)(?=\s*[(,}])|AbortSignal\.timeout)\b|\bnew Date(?:\(\)|(?![\w(]))|\bDate\(\)/g;

/** Uses of the machine's clock or chance outside of src/runtime, in files that are no tests. */
function ambientUses(files: ReadonlyMap<string, string>): string[] {
  return [...typeScript(files)]
    .filter(([path]) => path.startsWith('src/') && !path.startsWith('src/runtime/') && !isForTests(path))
    .flatMap(([path, source]) => [...withoutComments(source).matchAll(ambient)].map(([use]) => `${path} uses ${use}`));
}

test('time and chance come from src/runtime alone', () => assert.deepEqual(ambientUses(allFiles()), []));

test('ambient time and chance are found', () => {
  const found = (source: string) => ambientUses(new Map([['src/core/x.ts', source]])).length;
  for (const use of [
    'Date.now()',
    'setTimeout(run, 5)',
    'setInterval(run, 5)',
    'Math.random()',
    'new Date()',
    'AbortSignal.timeout(5)',
    'const now = Date.now;',
    "import { setTimeout } from 'node:timers/promises';",
  ]) {
    assert.equal(found(use), 1, use);
  }
  for (const harmless of [
    'new Date(ms)',
    '// Date.now',
    '/** setTimeout( */',
    'clearTimeout(handle)',
    'x.setTimeoutMs',
  ]) {
    assert.equal(found(harmless), 0, harmless);
  }
});
