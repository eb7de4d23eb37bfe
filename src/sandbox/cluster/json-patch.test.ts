import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asObject, type Json } from './json.ts';
import { applyJsonPatch } from './json-patch.ts';

const apply = (document: Json, ...operations: Json[]) => applyJsonPatch(document, operations);
const patched = (value: Json) => ({ outcome: 'patched', value });

describe('applyJsonPatch()', () => {
  it('leaves the document that it is given as it is', () => {
    const document = { a: { b: [1, 2] } };
    apply(document, { op: 'add', path: '/a/b/0', value: 0 }, { op: 'remove', path: '/a' });
    assert.deepEqual(document, { a: { b: [1, 2] } });
  });

  it('adds into lists, at their end and into objects', () => {
    const operations = [
      { op: 'add', path: '/list/1', value: 'b' },
      { op: 'add', path: '/list/-', value: 'd' },
      { op: 'add', path: '/new', value: null },
    ];
    assert.deepEqual(apply({ list: ['a', 'c'] }, ...operations), patched({ list: ['a', 'b', 'c', 'd'], new: null }));
  });

  it('unescapes ~1 and ~0 in that order', () => {
    assert.deepEqual(apply({ 'a/b': 1, '~1': 2 }, { op: 'remove', path: '/a~1b' }), patched({ '~1': 2 }));
    assert.deepEqual(apply({ 'a/b': 1, '~1': 2 }, { op: 'remove', path: '/~01' }), patched({ 'a/b': 1 }));
  });

  it('takes a test for null as passed where an object lacks the field', () => {
    assert.equal(apply({}, { op: 'test', path: '/a', value: null }).outcome, 'patched');
    assert.equal(apply({}, { op: 'test', path: '/a' }).outcome, 'patched');
    assert.equal(apply({ a: 0 }, { op: 'test', path: '/a', value: null }).outcome, 'failed');
    assert.equal(apply({}, { op: 'test', path: '/a/b', value: null }).outcome, 'failed');
    assert.equal(apply([], { op: 'test', path: '/0', value: null }).outcome, 'failed');
  });

  it('compares objects in a test without regard to the order of fields', () => {
    assert.equal(apply({ a: { x: 1, y: 2 } }, { op: 'test', path: '/a', value: { y: 2, x: 1 } }).outcome, 'patched');
  });

  it('stops at the first operation that fails', () => {
    const result = apply({ a: 1 }, { op: 'remove', path: '/b' }, { op: 'remove', path: '/a' });
    assert.equal(result.outcome, 'failed');
  });

  it('replaces the whole document only by an object or a list', () => {
    assert.deepEqual(apply({ a: 1 }, { op: 'replace', path: '', value: { b: 2 } }), patched({ b: 2 }));
    assert.equal(apply({ a: 1 }, { op: 'replace', path: '', value: 5 }).outcome, 'failed');
  });

  it('treats __proto__ as a field like any other', () => {
    const result = apply({}, { op: 'add', path: '/__proto__', value: { polluted: true } });
    assert.equal(result.outcome, 'patched');
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.equal(JSON.stringify(result), '{"outcome":"patched","value":{"__proto__":{"polluted":true}}}');
  });

  it('says that a patch which is no list is malformed', () => {
    assert.equal(applyJsonPatch({}, { op: 'add' }).outcome, 'malformed');
  });

  it('refuses operations that nobody knows, and paths without a slash', () => {
    assert.equal(apply({}, { op: 'bogus', path: '/a' }).outcome, 'failed');
    assert.equal(apply({ a: 1 }, { op: 'remove', path: 'a' }).outcome, 'failed');
  });

  it('refuses copies that double a value until no memory holds it', () => {
    const copies = Array.from({ length: 60 }, (_, n) => ({ op: 'copy', from: '/a', path: `/a/${n}` }));
    assert.equal(apply({ a: { text: 'x' } }, ...copies).outcome, 'failed');
  });

  it('refuses values that come to nest too deep, by adding, copying and moving', () => {
    const deep = (depth: number) => JSON.parse(`${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`) as Json;
    const pointer = '/a'.repeat(300);
    assert.equal(apply(deep(300), { op: 'add', path: pointer, value: deep(300) }).outcome, 'failed');
    assert.equal(
      apply({ x: deep(300), y: deep(301) }, { op: 'copy', from: '/x', path: `/y${pointer}` }).outcome,
      'failed',
    );
    assert.equal(
      apply({ x: deep(300), y: deep(301) }, { op: 'move', from: '/x', path: `/y${pointer}` }).outcome,
      'failed',
    );
    assert.equal(apply(deep(300), { op: 'add', path: '/a'.repeat(100_000), value: 1 }).outcome, 'failed');
    assert.equal(apply(deep(300), { op: 'add', path: pointer, value: deep(100) }).outcome, 'patched');
  });

  it('keeps what was copied or moved apart from what it was copied from', () => {
    const document = { a: { x: [1] }, b: { y: 1 } };
    const operations = [
      { op: 'add', path: '/a/z', value: 0 },
      { op: 'copy', from: '/a', path: '/c' },
      { op: 'add', path: '/a/x/-', value: 2 },
      { op: 'add', path: '/c/x/0', value: 0 },
      { op: 'move', from: '/b', path: '/d' },
      { op: 'replace', path: '/d/y', value: 2 },
    ];
    assert.deepEqual(
      apply(document, ...operations),
      patched({ a: { x: [1, 2], z: 0 }, c: { x: [0, 1], z: 0 }, d: { y: 2 } }),
    );
    assert.deepEqual(document, { a: { x: [1] }, b: { y: 1 } });
  });

  it('leaves its operations as they are, so that they can be applied again', () => {
    const operations = [
      { op: 'add', path: '/a', value: { list: [] } },
      { op: 'add', path: '/a/list/-', value: 1 },
    ];
    for (const _ of [1, 2]) assert.deepEqual(apply({}, ...operations), patched({ a: { list: [1] } }));
  });

  it('applies thousands of operations to a large map', { timeout: 30_000 }, () => {
    const data = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`old-${n}`, 'x']));
    const operations = Array.from({ length: 5_000 }, (_, n) => ({ op: 'add', path: `/data/new-${n}`, value: 'x' }));
    const result = apply({ data }, ...operations);
    assert.ok(result.outcome === 'patched');
    assert.equal(Object.keys(asObject(asObject(result.value).data)).length, 25_000);
  });
});
