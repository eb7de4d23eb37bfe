import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ApiObject } from './json.ts';
import { type Collection, createStore } from './store.ts';

const object = (namespace: string, name: string, value = 0): ApiObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, uid: '', resourceVersion: '', creationTimestamp: '' },
  value,
});
const open = (options = {}): Collection =>
  createStore({ nowMs: () => 0, options: { historyMs: 1000, historyEvents: 1000, ...options } }).collection('x');

describe('createStore()', () => {
  it('lists by key, and a namespace without its longer-named neighbours', () => {
    const collection = open();
    for (const [namespace, name] of [
      ['a', 'z'],
      ['a-b', 'a'],
      ['a', 'b'],
      ['ab', 'a'],
    ]) {
      collection.put(object(namespace!, name!));
    }
    assert.deepEqual(
      collection.list().map(stored => stored.key),
      ['a-b/a', 'a/b', 'a/z', 'ab/a'],
    );
    assert.deepEqual(
      collection.list('a').map(stored => stored.key),
      ['a/b', 'a/z'],
    );
  });

  it('shows every version that it remembers exactly as it was', () => {
    const change = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y', 'z'), fc.boolean());
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), changes => {
        const collection = open();
        const seen: { version: number; all: string; a: string }[] = [];
        let version = 100;
        const show = (list: readonly { key: string; version: number }[]) =>
          JSON.stringify(list.map(({ key, version }) => [key, version]));
        const note = () => {
          seen.push({ version, all: show(collection.list()), a: show(collection.list('a')) });
        };
        note();
        for (const [namespace, name, removes] of changes) {
          const stored = collection.get(namespace, name);
          if (removes && stored) version = collection.remove(stored).version;
          else version = collection.put(object(namespace, name)).version;
          note();
        }
        for (const { version, all, a } of seen) {
          assert.equal(show(collection.listAt(version)!), all);
          assert.equal(show(collection.listAt(version, 'a')!), a);
        }
      }),
    );
  });

  it('tells what came after a version, and nothing from before what it has forgotten', () => {
    const collection = open({ historyEvents: 2 });
    const versions = [1, 2, 3, 4].map(value => collection.put(object('a', 'x', value)).version);
    assert.deepEqual(
      collection.since(versions[1]!)!.map(event => event.version),
      versions.slice(2),
    );
    assert.equal(collection.since(versions[0]!), undefined);
    assert.equal(collection.listAt(versions[0]!), undefined);
    assert.equal(collection.forgottenVersion, versions[1]);
  });

  it('tells subscribers of a namespace only what happens there, until they leave', () => {
    const collection = open();
    const heard: string[] = [];
    const leave = collection.subscribe('a', event => heard.push(`${event.deleted ? '-' : '+'}${event.key}`));
    const stored = collection.put(object('a', 'x'));
    collection.put(object('b', 'x'));
    collection.remove(stored);
    leave();
    collection.put(object('a', 'x'));
    assert.deepEqual(heard, ['+a/x', '-a/x']);
  });
});
