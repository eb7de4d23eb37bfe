import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasTest } from './titles.ts';

test('a title is found with its suite, in any quotes and from a template, and no other', () => {
  const template = '`does $' + '{x} well`';
  const source = `describe('a()', () => { it('does b', f); test(${template}, f); test("it's c", f); });`;
  for (const title of ['does b', 'a() does b', 'does it all well', "it's c", "a() it's c"]) {
    assert.ok(hasTest(source, title), title);
  }
  for (const title of ['does', 'does bb', 'a()', 'b() does b']) assert.ok(!hasTest(source, title), title);
});
