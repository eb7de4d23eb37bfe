import { badRequest } from './api-error.ts';
import { customShape } from './apply/field-shape.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type JsonObject,
  readPath,
  withField,
} from './json.ts';
import { type Column, type Kind, plainKind } from './kind.ts';
import { subdomainErrors } from './names.ts';
import { nextGeneration } from './object-meta.ts';
import { createCelEnvironment } from './schema/cel-environment.ts';
import { compileRules, type RuleFault } from './schema/cel-rules.ts';
import { applyDefaults } from './schema/schema-defaults.ts';
import { readSchema } from './schema/schema-node.ts';
import { pruneUnknown } from './schema/schema-prune.ts';
import { duplicateErrors, schemaErrors } from './schema/schema-validate.ts';
import type { FieldReader } from './selectors.ts';
import { age, columnFromPath } from './table-cells.ts';

/** The kinds that a CustomResourceDefinition brings, one per served version. */
export interface CustomKinds {
  kinds: Kind[];
  /** Rules and patterns that could not be compiled; where there are any, the definition is refused. */
  faults: RuleFault[];
}

/** Reads a CustomResourceDefinition (`apiextensions.k8s.io/v1`), compiling its schemas and rules once. */
export function customKinds(definition: JsonObject): CustomKinds {
  const spec = asObject(definition.spec);
  const faults: RuleFault[] = [];
  const kinds: Kind[] = [];
  for (const [index, version] of asList(spec.versions).filter(isObject).entries()) {
    if (version.served === false) continue;
    const kind = customKind(spec, version, fault => {
      faults.push({ ...fault, path: `spec.versions[${index}].schema.${fault.path}` });
    });
    if (kind) kinds.push(kind);
  }
  return { kinds, faults };
}

function customKind(spec: JsonObject, version: JsonObject, fault: (fault: RuleFault) => void): Kind | undefined {
  const names = asObject(spec.names);
  const schema = asObject(asObject(version.schema).openAPIV3Schema);
  let root: ReturnType<typeof readSchema>;
  try {
    root = readSchema(schema);
  } catch (error) {
    fault({ path: 'openAPIV3Schema', rule: '', why: (error as Error).message });
    return undefined;
  }
  const rules = compileRules(createCelEnvironment(), root);
  rules.faults.forEach(fault);
  const hasStatus = isObject(asObject(version.subresources).status);
  const group = asString(spec.group);
  const kindName = asString(names.kind);
  const apiVersion = `${group}/${asString(version.name)}`;

  return plainKind({
    group,
    version: asString(version.name),
    kind: kindName,
    plural: asString(names.plural),
    singular: asString(names.singular) || kindName.toLowerCase(),
    listKind: asString(names.listKind) || `${kindName}List`,
    shortNames: asList(names.shortNames).map(asString),
    categories: asList(names.categories).map(asString),
    namespaced: spec.scope === 'Namespaced',
    checkName: subdomainErrors,
    hasStatus,
    unconditionalUpdate: false,
    fieldShape: customShape(root),
    fields: selectableFields(version),
    columns: printerColumns(version),
    openApiSchema: schema,
    decode(object) {
      if (asString(object.kind) === '') throw badRequest("Object 'Kind' is missing in the body");
      const unknown: string[] = [];
      const pruned = pruneUnknown(object, root, true, '', unknown) as JsonObject;
      return { object: applyDefaults(pruned, root) as JsonObject, unknown };
    },
    fromStored: object => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }),
    prepareCreate(object) {
      const created = hasStatus ? withField(object, 'status', undefined) : object;
      return { ...created, metadata: { ...created.metadata, generation: 1 } };
    },
    prepareUpdate(next, old) {
      const kept = hasStatus ? withField(next, 'status', old.status) : next;
      return sameButMetadata(kept, old) ? kept : nextGeneration(kept, old);
    },
    prepareStatus: (next, old) => withField(old, 'status', next.status),
    judge(object, old) {
      const errors = schemaErrors(object, old, root, '');
      if (!old || duplicateErrors(old, root, '').length === 0) errors.push(...duplicateErrors(object, root, ''));
      if (errors.some(error => blocking.has(error.type))) {
        errors.push({
          type: 'FieldValueInvalid',
          field: '<nil>',
          body: 'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
        });
        return { errors, warnings: [] };
      }
      const judged = rules.errors(object, old);
      return { errors: [...errors, ...judged.errors], warnings: judged.warnings };
    },
  });
}

/** Errors after which the server does not look at the rules: they could meet values of a wrong type. */
const blocking = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

function sameButMetadata(left: ApiObject, right: ApiObject): boolean {
  return deepEqual({ ...left, metadata: null }, { ...right, metadata: null });
}

function selectableFields(version: JsonObject): Record<string, FieldReader> {
  const readers: Record<string, FieldReader> = {};
  for (const field of asList(version.selectableFields)) {
    const path = asString(asObject(field).jsonPath).replace(/^\./, '');
    const steps = path.split('.');
    readers[path] = object => {
      const value = readPath(object, steps);
      return value === undefined || value === null ? '' : String(value);
    };
  }
  return readers;
}

function printerColumns(version: JsonObject): Column[] {
  const columns = asList(version.additionalPrinterColumns).filter(isObject);
  if (columns.length === 0) {
    return [
      {
        name: 'Age',
        type: 'date',
        description: 'When the object was made.',
        priority: 0,
        cell: (object, nowMs) => age(object.metadata.creationTimestamp, nowMs),
      },
    ];
  }
  return columns.map(column =>
    columnFromPath({
      name: asString(column.name),
      type: asString(column.type),
      ...(typeof column.format === 'string' ? { format: column.format } : {}),
      description: asString(column.description),
      priority: typeof column.priority === 'number' ? column.priority : 0,
      path: asString(column.jsonPath),
    }),
  );
}
