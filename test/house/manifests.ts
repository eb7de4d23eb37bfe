import { parseAllDocuments } from 'yaml';
import { customResourceDefinitions } from '../../src/api/crd.ts';
import type { Json, JsonObject } from '../../src/sandbox/cluster/json.ts';
import { createCelEnvironment } from '../../src/sandbox/cluster/schema/cel-environment.ts';
import { compileRules } from '../../src/sandbox/cluster/schema/cel-rules.ts';
import { applyDefaults } from '../../src/sandbox/cluster/schema/schema-defaults.ts';
import { readSchema, type SchemaNode } from '../../src/sandbox/cluster/schema/schema-node.ts';
import { pruneUnknown } from '../../src/sandbox/cluster/schema/schema-prune.ts';
import { schemaErrors } from '../../src/sandbox/cluster/schema/schema-validate.ts';

/**
 * The objects of a YAML text as kubectl reads them, in YAML 1.1.
 *
 * @throws Error where it is no YAML.
 */
export function readManifests(text: string): JsonObject[] {
  return parseAllDocuments(text, { version: '1.1' }).flatMap(document => {
    const [error] = document.errors;
    if (error) throw error;
    const object = document.toJS() as JsonObject | null;
    return object === null ? [] : [object];
  });
}

/** What the API server would refuse about one object of our group; nothing for kinds of others. */
export function manifestErrors(object: JsonObject): string[] {
  if (!String(object.apiVersion).startsWith('nlbports.dev/')) return [];
  const schema = schemaOf(object);
  if (!schema) return [`no kind ${object.kind} in ${object.apiVersion}`];
  const unknown: string[] = [];
  pruneUnknown(object, schema, true, '', unknown);
  const full = applyDefaults(object, schema);
  const wrong = schemaErrors(full, undefined, schema, '');
  // Rules may trip over values of wrong types, so they are asked last, as the API server does.
  const broken = wrong.length > 0 ? [] : compileRules(createCelEnvironment(), schema).errors(full, undefined).errors;
  return [
    ...unknown.map(path => `unknown field ${path}`),
    ...[...wrong, ...broken].map(error => JSON.stringify(error)),
  ];
}

function schemaOf({ apiVersion, kind }: JsonObject): SchemaNode | undefined {
  for (const definition of Object.values(customResourceDefinitions())) {
    const { group, names, versions } = definition.spec as {
      group: string;
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: Json } }[];
    };
    const version = versions.find(({ name }) => `${group}/${name}` === apiVersion);
    if (names.kind === kind && version) return readSchema(version.schema.openAPIV3Schema);
  }
  return undefined;
}
