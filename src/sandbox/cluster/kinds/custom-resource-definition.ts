import { type FieldError, fieldError, invalid, notSupported, required } from '../api-error.ts';
import { customKinds } from '../custom-kind.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type JsonObject,
  withField,
} from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { plainShape } from '../merge-shapes.ts';
import { label1035Errors, subdomainErrors } from '../names.ts';
import { nextGeneration } from '../object-meta.ts';
import { textColumn } from '../table-cells.ts';

/** Put on a definition that is being deleted, until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** `apiextensions.k8s.io/v1` CustomResourceDefinition: a definition is served from the moment it is stored. */
export function definitionKind(nowText: () => string): Kind {
  return plainKind({
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    namespaced: false,
    checkName: subdomainErrors,
    hasStatus: true,
    unconditionalUpdate: false,
    mergeShape: plainShape,
    columns: [textColumn('Created At', 'When it was made.', object => object.metadata.creationTimestamp, 0, 'date')],
    decode: object => ({ object: withDefaults(object), unknown: [] }),
    prepareCreate(object) {
      const status = establishedStatus(object, nowText());
      return { ...object, status, metadata: { ...object.metadata, generation: 1 } };
    },
    prepareUpdate(next, old) {
      const kept = withField(next, 'status', deepEqual(next.spec, old.spec) ? old.status : nextStatus(next, old));
      return deepEqual(kept.spec, old.spec) ? kept : nextGeneration(kept, old);
    },
    prepareStatus: (next, old) => withField(next, 'spec', old.spec),
    beginRemoval: (object, now) => ({
      ...object,
      metadata: {
        ...object.metadata,
        deletionTimestamp: now,
        finalizers: [...(object.metadata.finalizers ?? []), cleanupFinalizer],
      },
    }),
    judge: (object, old, subresource) => ({
      errors: subresource === 'status' ? [] : definitionErrors(object, old),
      warnings: [],
    }),
  });
}

function withDefaults(object: JsonObject): JsonObject {
  if (!isObject(object.spec)) return object;
  const spec = object.spec;
  const names = asObject(spec.names);
  const kind = asString(names.kind);
  return {
    ...object,
    spec: {
      conversion: { strategy: 'None' },
      ...spec,
      names: { listKind: `${kind}List`, singular: kind.toLowerCase(), ...names },
    },
  };
}

function establishedStatus(object: ApiObject, now: string): JsonObject {
  const spec = asObject(object.spec);
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: now,
  });
  return {
    acceptedNames: spec.names ?? {},
    conditions: [
      condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ],
    storedVersions: asList(spec.versions)
      .map(asObject)
      .filter(version => version.storage === true)
      .map(version => asString(version.name)),
  };
}

function nextStatus(next: ApiObject, old: ApiObject): JsonObject {
  const stored = asList(asObject(old.status).storedVersions);
  const now = asList(asObject(next.spec).versions)
    .map(asObject)
    .filter(version => version.storage === true)
    .map(version => asString(version.name));
  return {
    ...asObject(old.status),
    acceptedNames: asObject(next.spec).names ?? {},
    storedVersions: [...stored, ...now.filter(name => !stored.includes(name))],
  };
}

function definitionErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const spec = asObject(object.spec);
  const names = asObject(spec.names);
  const expected = `${asString(names.plural)}.${asString(spec.group)}`;
  if (object.metadata.name !== expected) {
    errors.push(invalid('metadata.name', object.metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  if (!spec.group) errors.push(required('spec.group'));
  if (!['Cluster', 'Namespaced'].includes(asString(spec.scope))) {
    if (!spec.scope) errors.push(required('spec.scope'));
    else errors.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  }
  if (!names.kind) errors.push(required('spec.names.kind'));
  for (const message of label1035Errors(asString(names.plural))) {
    errors.push(invalid('spec.names.plural', names.plural ?? '', message));
  }
  const versions = asList(spec.versions).map(asObject);
  if (versions.length === 0)
    errors.push(required('spec.versions', 'must have exactly one version marked as storage version'));
  if (versions.filter(version => version.storage === true).length !== 1 && versions.length > 0) {
    errors.push(
      invalid(
        'spec.versions',
        versions.map(version => version.name ?? null),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const name = asString(version.name);
    if (seen.has(name)) errors.push(fieldError('FieldValueDuplicate', `spec.versions[${index}].name`, name));
    seen.add(name);
    if (!isObject(asObject(version.schema).openAPIV3Schema)) {
      errors.push(required(`spec.versions[${index}].schema.openAPIV3Schema`, 'schemas are required'));
    }
  }
  if (old && !deepEqual(asObject(old.spec).scope, spec.scope)) {
    errors.push(invalid('spec.scope', spec.scope ?? '', 'field is immutable'));
  }
  if (old && !deepEqual(asObject(old.spec).group, spec.group)) {
    errors.push(invalid('spec.group', spec.group ?? '', 'field is immutable'));
  }
  if (errors.length === 0) {
    for (const fault of customKinds(object).faults) {
      errors.push(invalid(fault.path, fault.rule, `compilation failed: ${fault.why}`));
    }
  }
  return errors;
}
