import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customResourceDefinitions } from './crd.ts';

type Node = { [key: string]: unknown };

const definitions = Object.values(customResourceDefinitions()) as Node[];
const specOf = (definition: Node) => definition.spec as Node;
const versionOf = (definition: Node) => (specOf(definition).versions as Node[])[0]!;
const schemaOf = (definition: Node) => (versionOf(definition).schema as Node).openAPIV3Schema as Node;
const kindOf = (definition: Node) => (specOf(definition).names as Node).kind as string;
const portDefinition = definitions.find(definition => kindOf(definition) === 'NLBPort')!;

const fieldsOf = (node: Node) => (node.properties as Record<string, Node> | undefined) ?? {};

/** Every schema node below `node`, with its path. */
function* nodes(node: Node, path: string): Generator<[string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries(fieldsOf(node))) {
    yield* nodes(child, `${path}.${name}`);
  }
  if (node.items) yield* nodes(node.items as Node, `${path}[]`);
  if (typeof node.additionalProperties === 'object') yield* nodes(node.additionalProperties as Node, `${path}{}`);
}

for (const definition of definitions) {
  const kind = kindOf(definition);

  test(`${kind}: the schema is structural`, () => {
    for (const [path, node] of nodes(schemaOf(definition), kind)) {
      const isIntOrString = node['x-kubernetes-int-or-string'] === true;
      assert.ok(isIntOrString || typeof node.type === 'string', `${path} has no type`);
      for (const word of [
        '$ref',
        'definitions',
        '$schema',
        'const',
        'patternProperties',
        'uniqueItems',
        'oneOf',
        'anyOf',
      ]) {
        assert.ok(!(word in node), `${path} has ${word}`);
      }
      assert.notEqual(node.additionalProperties, false, `${path} forbids what it does not know`);
      assert.ok(!(node.properties && node.additionalProperties), `${path} has properties and additionalProperties`);
      if (node.type === 'array') assert.ok(node.items, `${path} has no items`);
      const list = node['x-kubernetes-list-type'];
      if (list === 'map') {
        const item = node.items as Node;
        for (const key of node['x-kubernetes-list-map-keys'] as string[]) {
          assert.ok((item.required as string[]).includes(key), `${path}: ${key} is not required`);
        }
      }
    }
  });

  test(`${kind}: every list, map and text of the spec that CEL may read is bounded`, () => {
    const spec = (schemaOf(definition).properties as Record<string, Node>).spec!;
    for (const [path, node] of nodes(spec, `${kind}.spec`)) {
      if (node.type === 'array') assert.ok(typeof node.maxItems === 'number', `${path} has no maxItems`);
      if (typeof node.additionalProperties === 'object') {
        assert.ok(typeof node.maxProperties === 'number', `${path} has no maxProperties`);
      }
      if (node.type === 'string' && !node.enum && !node.format) {
        assert.ok(typeof node.maxLength === 'number', `${path} has no maxLength`);
      }
    }
  });

  test(`${kind}: it is served with a status subresource, short name and category`, () => {
    const { names, scope } = specOf(definition) as { names: Node; scope: string };
    assert.equal(scope, 'Cluster');
    assert.ok((names.shortNames as string[]).length > 0);
    assert.ok((names.categories as string[]).length > 0);
    assert.deepEqual(versionOf(definition).subresources, { status: {} });
    assert.equal(specOf(definition).group, 'nlbports.dev');
    assert.equal(versionOf(definition).name, 'v1alpha1');
  });

  test(`${kind}: every printer column and selectable field leads to a field of the schema`, () => {
    const columns = versionOf(definition).additionalPrinterColumns as { name: string; jsonPath: string }[];
    const selectable = versionOf(definition).selectableFields as { jsonPath: string }[];
    for (const { jsonPath } of [...columns, ...selectable]) {
      if (jsonPath === '.metadata.creationTimestamp') continue;
      const [plain = ''] = jsonPath.split('[?');
      let node: Node | undefined = schemaOf(definition);
      for (const part of plain.split('.').filter(Boolean)) {
        node = node && fieldsOf(node)[part];
      }
      assert.ok(node, jsonPath);
    }
  });

  test(`${kind}: every rule has a message, and reaches no field that the schema lacks`, () => {
    for (const [path, node] of nodes(schemaOf(definition), kind)) {
      for (const { rule, message } of (node['x-kubernetes-validations'] as { rule: string; message: string }[]) ?? []) {
        assert.ok(message, `${path}: ${rule}`);
        for (const [, field] of rule.matchAll(/(?:oldS|s)elf\.([a-zA-Z]+)(?![a-zA-Z(])/g)) {
          if (path === kind && field === 'metadata') continue;
          const isKnown = fieldsOf(node)[field!] !== undefined;
          const isMethod = new RegExp(`self\\.${field}\\(`).test(rule);
          assert.ok(isKnown || isMethod, `${path}: ${field} in ${rule}`);
        }
      }
    }
  });
}

test('NLBPort: the port map has its columns', () => {
  const columns = versionOf(portDefinition).additionalPrinterColumns as { name: string; priority?: number }[];
  assert.deepEqual(
    columns.filter(({ priority }) => !priority).map(({ name }) => name.toUpperCase()),
    ['POOL', 'ENDPOINT', 'PHASE', 'CLAIMANT', 'TARGET', 'HEALTHY', 'AGE'],
  );
});

test('NLBPort: pool, load balancer, number and protocol can not be changed', () => {
  const spec = (schemaOf(portDefinition).properties as Record<string, Node>).spec!;
  for (const field of ['pool', 'loadBalancer', 'port', 'protocol']) {
    const node = (spec.properties as Record<string, Node>)[field]!;
    assert.deepEqual(
      (node['x-kubernetes-validations'] as Node[]).map(({ rule }) => rule),
      ['self == oldSelf'],
      field,
    );
    assert.ok((spec.required as string[]).includes(field), `${field} is required`);
  }
});
