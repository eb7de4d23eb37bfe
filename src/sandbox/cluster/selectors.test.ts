import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiObject } from './json.ts';
import { fieldMatcher, parseFieldSelector, parseLabelSelector } from './selectors.ts';

const labelled = (labels: Record<string, string>): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', uid: '', resourceVersion: '', creationTimestamp: '', labels },
});
const matches = (selector: string, labels: Record<string, string>): boolean => {
  const parsed = parseLabelSelector(selector);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value?.(labelled(labels)) ?? true;
};

describe('parseLabelSelector()', () => {
  it('takes an object without the key as not equal and not in', () => {
    assert.equal(matches('a!=b', {}), true);
    assert.equal(matches('a notin (b)', {}), true);
    assert.equal(matches('a=b', {}), false);
    assert.equal(matches('a in (b)', {}), false);
  });

  it('joins requirements by and, and keeps commas within parentheses', () => {
    assert.equal(matches('a in (b,c),d', { a: 'c', d: '' }), true);
    assert.equal(matches('a in (b,c),d', { a: 'c' }), false);
  });

  it('compares whole numbers, and never what is none', () => {
    assert.equal(matches('n>9', { n: '10' }), true);
    assert.equal(matches('n<9', { n: 'x' }), false);
    assert.equal(parseLabelSelector('n>x').ok, false);
  });

  it('takes an empty value as a value', () => {
    assert.equal(matches('a=', { a: '' }), true);
    assert.equal(matches('a=', {}), false);
  });

  it('is not misled by names of the prototype', () => {
    assert.equal(matches('toString', {}), false);
    assert.equal(matches('constructor!=x', {}), true);
  });

  it('refuses what can not be read', () => {
    for (const bad of ['a in (b', 'a=b=c', ',a', 'a,', '=', 'a b', '/a', 'a=?']) {
      assert.equal(parseLabelSelector(bad).ok, false, bad);
    }
  });
});

describe('parseFieldSelector()', () => {
  it('reads terms, unescaping values', () => {
    assert.deepEqual(parseFieldSelector('a.b=c\\,d,e!=f,g==h'), {
      ok: true,
      value: [
        { field: 'a.b', equal: true, value: 'c,d' },
        { field: 'e', equal: false, value: 'f' },
        { field: 'g', equal: true, value: 'h' },
      ],
    });
  });

  it('refuses a term without an operator, and a bare = in a value', () => {
    assert.equal(parseFieldSelector('a').ok, false);
    assert.equal(parseFieldSelector('a=b=c').ok, false);
  });
});

describe('fieldMatcher()', () => {
  it('refuses fields that the kind has not, in the words given', () => {
    const result = fieldMatcher([{ field: 'x', equal: true, value: '' }], {}, field => `no ${field}`);
    assert.deepEqual(result, { ok: false, message: 'no x' });
  });
});
