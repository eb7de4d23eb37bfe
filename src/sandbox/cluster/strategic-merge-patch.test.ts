import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json, JsonObject } from './json.ts';
import { mergeShapes } from './merge-shapes.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const apply = (original: JsonObject, patch: Json) => {
  const result = applyStrategicMergePatch(original, patch, mergeShapes.Pod!);
  return result.outcome === 'patched' ? result.value : result.outcome;
};
const pod = (...types: string[]): JsonObject => ({
  metadata: { name: 'a', annotations: { x: '1' }, finalizers: ['f/1'] },
  spec: {
    containers: [
      { name: 'one', image: 'a', ports: [{ containerPort: 1 }, { containerPort: 2 }] },
      { name: 'two', image: 'b' },
    ],
    readinessGates: [{ conditionType: 'g' }],
  },
  status: { conditions: types.map(type => ({ type, status: 'True' })) },
});
const conditionsOf = (object: JsonObject | string) =>
  ((object as JsonObject).status as { conditions: { type: string; status: string }[] }).conditions.map(
    item => `${item.type}=${item.status}`,
  );

describe('applyStrategicMergePatch()', () => {
  it('merges lists by their key, at any depth', () => {
    const patch = { spec: { containers: [{ name: 'one', ports: [{ containerPort: 2, name: 'b' }] }] } };
    const { spec } = apply(pod(), patch) as { spec: { containers: JsonObject[] } };
    assert.deepEqual(spec.containers, [
      { name: 'one', image: 'a', ports: [{ containerPort: 1 }, { containerPort: 2, name: 'b' }] },
      { name: 'two', image: 'b' },
    ]);
  });

  it('replaces lists without a key', () => {
    const { spec } = apply(pod(), { spec: { readinessGates: [{ conditionType: 'h' }] } }) as { spec: JsonObject };
    assert.deepEqual(spec.readinessGates, [{ conditionType: 'h' }]);
  });

  it('puts new items before those that were there, and keeps the former order of known ones', () => {
    const patch = (...types: string[]) => ({ status: { conditions: types.map(type => ({ type, status: 'False' })) } });
    assert.deepEqual(conditionsOf(apply(pod('A', 'B'), patch('C'))), ['C=False', 'A=True', 'B=True']);
    assert.deepEqual(conditionsOf(apply(pod('A', 'B', 'C'), patch('B'))), ['A=True', 'B=False', 'C=True']);
  });

  it('leaves what it is given as it is', () => {
    const original = pod('A');
    const before = JSON.stringify(original);
    apply(original, { metadata: { annotations: null }, status: { conditions: [{ type: 'A', status: 'False' }] } });
    assert.equal(JSON.stringify(original), before);
  });

  it('drops an object that holds a directive where there was nothing to merge it with', () => {
    const { metadata } = apply(
      { metadata: { name: 'a' } },
      { metadata: { labels: { $patch: 'replace', b: '2' } } },
    ) as {
      metadata: JsonObject;
    };
    assert.deepEqual(metadata, { name: 'a' });
  });

  it('empties an object by $patch: delete', () => {
    const { metadata } = apply(pod(), { metadata: { annotations: { $patch: 'delete' } } }) as { metadata: JsonObject };
    assert.deepEqual(metadata.annotations, {});
  });

  it('keeps only the fields that $retainKeys names', () => {
    const patch = { metadata: { $retainKeys: ['name'], labels: { a: 'b' } } };
    assert.deepEqual((apply(pod(), patch) as JsonObject).metadata, { name: 'a', labels: { a: 'b' } });
  });

  it('fails on an item without its key, and on an order that does not hold the patch', () => {
    assert.equal(apply(pod('A'), { status: { conditions: [{ status: 'True' }] } }), 'failed');
    const status = { conditions: [{ type: 'A' }], '$setElementOrder/conditions': [{ type: 'B' }] };
    assert.equal(apply(pod('A', 'B'), { status }), 'failed');
  });

  it('says that directives nobody knows are malformed', () => {
    assert.equal(apply(pod(), { metadata: { $patch: 'bogus' } }), 'malformed');
    assert.equal(apply(pod(), { metadata: { $retainKeys: 'name' } }), 'malformed');
    assert.equal(apply(pod(), [1]), 'malformed');
  });
});
