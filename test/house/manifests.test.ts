import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manifestErrors, readManifests } from './manifests.ts';
import { allFiles } from './sources.ts';

const files = allFiles();
const manifests = [...files].filter(([path]) =>
  /^(examples\/.*|deploy\/([^/]+|(crds|policies)\/.*))\.ya?ml$/.test(path),
);

test('every manifest of examples and deploy is YAML with named objects, and ours pass our schemas and rules', () => {
  assert.ok(manifests.length > 5);
  for (const [path, text] of manifests) {
    const objects = readManifests(text);
    assert.ok(objects.length > 0, path);
    for (const object of objects) {
      assert.ok(object.apiVersion && object.kind && (object.metadata as { name?: string })?.name, path);
      assert.deepEqual(manifestErrors(object), [], path);
    }
  }
});

test('every whole object of ours on a page passes our schemas and rules', () => {
  const blocks = [...files]
    .filter(([path]) => path.endsWith('.md'))
    .flatMap(([path, text]) =>
      [...text.matchAll(/```yaml\n(apiVersion: [\s\S]*?)```/g)].map(([, block = '']) => ({ path, block })),
    );
  assert.ok(blocks.length > 1);
  for (const { path, block } of blocks) {
    for (const object of readManifests(block)) assert.deepEqual(manifestErrors(object), [], path);
  }
});

test('every field of a pool that a page shows alone is one that the schema knows', () => {
  const pools = files.get('docs/pools.md') ?? '';
  const parts = [...pools.matchAll(/```yaml\n( {2}[\s\S]*?)```/g)].flatMap(([, block = '']) =>
    // A block may show one field in several ways, one to a line.
    /^ {2}healthCheck:/.test(block) ? block.trimEnd().split('\n') : [block],
  );
  assert.ok(parts.length > 7);
  for (const part of parts) {
    const [object] = readManifests(`apiVersion: nlbports.dev/v1alpha1\nkind: NLBPortPool\nspec:\n${part}`);
    const errors = manifestErrors(object ?? {}).filter(error => !error.includes('FieldValueRequired'));
    assert.deepEqual(errors, [], part);
  }
});

test('a manifest with an unknown field, a wrong value or a broken rule is found', () => {
  const pool = (spec: string) =>
    manifestErrors(
      readManifests(`
apiVersion: nlbports.dev/v1alpha1
kind: NLBPortPool
metadata: { name: x }
spec:
  loadBalancers: [{ arn: a }]
  protocol: UDP
  access: { namespaces: ["*"] }
  ${spec}`)[0] ?? {},
    ).length;
  assert.equal(pool('ports: { min: 1, max: 2 }'), 0);
  assert.equal(pool('ports: { min: 1, max: 2 }\n  retain: 5m'), 1);
  assert.equal(pool('ports: { min: 0, max: 2 }'), 1);
  assert.equal(pool('ports: { min: 3, max: 2 }'), 1);
  assert.equal(pool('ports: { min: 1, max: 2 }\n  release: { on: Terminating }'), 0);
  assert.equal(manifestErrors({ apiVersion: 'nlbports.dev/v1', kind: 'NLBPortPool' }).length, 1);
  assert.throws(() => readManifests('a: b: c'));
});
