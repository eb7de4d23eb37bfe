import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxDepth } from './limits.ts';
import { readYaml } from './yaml-body.ts';

const refused = (text: string, why: RegExp) => assert.throws(() => readYaml(text), { code: 400, message: why });

describe('readYaml()', () => {
  it('reads nesting up to its limit in every style', () => {
    const depth = maxDepth - 10;
    const styles = [
      `x: ${'['.repeat(depth)}${']'.repeat(depth)}`,
      `x: ${'{a: '.repeat(depth)}${'}'.repeat(depth)}`,
      Array.from({ length: depth / 2 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'),
      `${'- '.repeat(depth / 2)}x`,
    ];
    for (const text of styles) assert.equal(typeof readYaml(text), 'object', text.slice(0, 12));
  });

  it('refuses what nests deeper, long before it has read it all', () => {
    for (const piece of ['[{"a":', '{a: ', '[', '- ', '? ', 'a: b: '])
      refused(piece.repeat(50_000), /exceeded max depth/);
    refused(Array.from({ length: 900 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'), /exceeded max depth/);
  });

  it('refuses more aliases than it can follow', () => {
    const aliases = (count: number) => `a: &a b\n${Array.from({ length: count }, (_, n) => `k${n}: *a`).join('\n')}`;
    assert.equal((readYaml(aliases(50)) as Record<string, string>).k49, 'b');
    refused(aliases(200), /excessive aliasing/);
    refused(`a: &a ${'x'.repeat(100_000)}\nb: [${'*a,'.repeat(90)}]`, /excessive aliasing/);
  });

  it('refuses YAML of more than 1 MiB, but not JSON', () => {
    const long = 'x'.repeat(1024 * 1024);
    assert.throws(() => readYaml(`a: ${long}`), { code: 413 });
    assert.deepEqual(readYaml(`{"a":"${long}"}`), { a: long });
  });

  it('prints nothing about directives and tags that it does not know', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', onWarning);
    assert.deepEqual(readYaml('%ODD\n---\na: !odd b'), { a: 'b' });
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    assert.deepEqual(warnings, []);
  });

  it('gives values of JSON alone', () => {
    assert.deepEqual(readYaml('a: .nan\nb: 2026-01-01\nc: 0x10\n? [d]\n: e'), {
      a: null,
      b: '2026-01-01',
      c: 16,
      '[ d ]': 'e',
    });
    assert.equal(readYaml(''), null);
    refused('a: "b', /./);
    refused('a: *b', /./);
  });
});
