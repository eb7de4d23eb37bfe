import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiObject } from './json.ts';
import { columnFromPath, shortDuration } from './table-cells.ts';

describe('shortDuration()', () => {
  it('shortens as kubectl does', () => {
    const seconds = (value: number) => shortDuration(value * 1000);
    assert.equal(seconds(0), '0s');
    assert.equal(seconds(119), '119s');
    assert.equal(seconds(120), '2m');
    assert.equal(seconds(272), '4m32s');
    assert.equal(seconds(3600), '60m');
    assert.equal(seconds(3 * 3600 + 120), '3h2m');
    assert.equal(seconds(20 * 3600), '20h');
    assert.equal(seconds(3 * 86_400 + 3600), '3d1h');
    assert.equal(seconds(400 * 86_400), '400d');
    assert.equal(seconds(-5), '<invalid>');
  });
});

describe('columnFromPath()', () => {
  const object: ApiObject = {
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'a', uid: '', resourceVersion: '', creationTimestamp: '', labels: { 'a.b/c': 'd' } },
    spec: { port: 5, list: ['x', 'y'] },
    status: {
      conditions: [
        { type: 'Ready', status: 'True' },
        { type: 'Other', status: 'False' },
      ],
    },
  };
  const cell = (path: string, type = 'string') =>
    columnFromPath({ name: 'x', description: '', priority: 0, type, path }).cell(object, 0);

  it('reads the paths that definitions use', () => {
    assert.equal(cell('.spec.port', 'integer'), 5);
    assert.equal(cell('.spec.list[1]'), 'y');
    assert.equal(cell('.status.conditions[?(@.type=="Other")].status'), 'False');
    assert.equal(cell('.metadata.labels.a\\.b/c'), 'd');
    assert.equal(cell('.spec.list[*]'), 'x');
  });

  it('gives null where there is nothing, or nothing of the type', () => {
    assert.equal(cell('.spec.nothing'), null);
    assert.equal(cell('.status.conditions[?(@.type=="None")].status'), null);
    assert.equal(cell('.spec.list', 'integer'), null);
  });
});
