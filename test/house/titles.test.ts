import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allFiles } from './sources.ts';
import { hasTest } from './titles.ts';

const files = allFiles();
const textOf = (path: string) => files.get(path) ?? '';

test('a title is found with its suite, in any quotes and from a template, and no other', () => {
  const template = '`does $' + '{x} well`';
  const source = `describe('a()', () => { it('does b', f); test(${template}, f); test("it's c", f); }); x = 'it all';`;
  for (const title of ['does b', 'a() does b', 'does it all well', "it's c", "a() it's c"]) {
    assert.ok(hasTest(source, title), title);
  }
  for (const title of ['does', 'does bb', 'a()', 'b() does b', 'does nothing well'])
    assert.ok(!hasTest(source, title), title);
});

/** Pages whose tables say which test guards what. */
const guardedPages = ['docs/security.md', 'docs/review.md'];

test('every test that docs/security.md and docs/review.md name is there', () => {
  for (const path of guardedPages) {
    const rows = textOf(path)
      .split('\n')
      .filter(line => /^\|.*\.(test|suite)\.ts`/.test(line));
    assert.ok(rows.length > 8, path);
    for (const row of rows) {
      const cell = row.split(' | ').at(-1) ?? '';
      const named = [...cell.matchAll(/`((?:src|test)\/[^`]+\.ts)`((?:(?:: |, )"[^"]+")*)/g)];
      assert.ok(named.length > 0, row);
      for (const [, file = '', quoted = ''] of named) {
        const titles = [...quoted.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title);
        assert.ok(titles.length > 0, `${path} names ${file}, and no test of it`);
        for (const title of titles) assert.ok(hasTest(textOf(file), title), `${path}: ${file} has no test "${title}"`);
      }
    }
  }
});
