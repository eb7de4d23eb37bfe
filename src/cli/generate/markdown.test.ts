import assert from 'node:assert/strict';
import { test } from 'node:test';
import { code, prose, table } from './markdown.ts';

test('table() keeps a bar or a line break in a cell from ending it', () => {
  assert.equal(table(['a', 'b'], [['x|y', 'one\ntwo']]), '| a | b |\n| --- | --- |\n| x\\|y | one two |\n');
});

test('prose() takes the meaning from stars and angle brackets, but not inside code', () => {
  assert.equal(prose('* and "*" and <x>, `a * <b>`'), '\\* and "\\*" and \\<x>, `a * <b>`');
});

test('code() leaves an empty text empty', () => {
  assert.deepEqual([code(undefined), code(''), code('x')], ['', '', '`x`']);
});
