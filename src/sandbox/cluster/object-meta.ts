import { type FieldError, fieldError, forbidden, invalid, required } from './api-error.ts';
import { type ApiMeta, type ApiObject, deepEqual, isObject, type Json } from './json.ts';
import { labelValueErrors, type NameCheck, qualifiedNameErrors } from './names.ts';

/** All annotations of an object together, in bytes: the limit that Kubernetes documents. */
const annotationBytes = 256 * 1024;

/** All that an ObjectMeta may hold. */
export const metadataFields: ReadonlySet<string> = new Set([
  'annotations',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'labels',
  'managedFields',
  'name',
  'namespace',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
]);

/** Fields of the metadata that the server sets: whatever a client creates with is dropped. */
const systemFields = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
  'generation',
];

/** The metadata of an object about to be created, without what only the server may set. */
export function withoutSystemFields(metadata: ApiMeta): ApiMeta {
  const copy: ApiMeta = { ...metadata };
  for (const field of systemFields) delete copy[field];
  return copy;
}

/** What is wrong with an object's metadata in itself. */
export function metadataErrors(metadata: ApiMeta, namespaced: boolean, checkName: NameCheck): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    // The generated part is letters and digits, so a prefix may end where a name may not.
    for (const message of checkName(`${metadata.generateName.replace(/[-.]$/, '')}`)) {
      errors.push(invalid('metadata.generateName', metadata.generateName, message));
    }
  }
  if (!metadata.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const message of checkName(metadata.name)) errors.push(invalid('metadata.name', metadata.name, message));
  if (!namespaced && metadata.namespace) errors.push(forbidden('metadata.namespace', 'not allowed on this type'));
  errors.push(...labelErrors(metadata), ...annotationErrors(metadata));
  errors.push(...ownerErrors(metadata.ownerReferences), ...finalizerErrors(metadata));
  return errors;
}

function labelErrors(metadata: ApiMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalid('metadata.labels', key, message));
    for (const message of labelValueErrors(value)) errors.push(invalid('metadata.labels', value, message));
  }
  return errors;
}

function annotationErrors(metadata: ApiMeta): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    // Annotation keys may be in upper case, prefix and all.
    for (const message of qualifiedNameErrors(key.toLowerCase())) {
      errors.push(invalid('metadata.annotations', key, message));
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > annotationBytes) {
    errors.push(
      fieldError(
        'FieldValueTooLong',
        'metadata.annotations',
        undefined,
        `may not be more than ${annotationBytes} bytes`,
      ),
    );
  }
  return errors;
}

function ownerErrors(owners: Json | undefined): FieldError[] {
  const errors: FieldError[] = [];
  let controllers = 0;
  for (const [index, owner] of (Array.isArray(owners) ? owners : []).entries()) {
    const at = `metadata.ownerReferences[${index}]`;
    if (!isObject(owner)) continue;
    if (!owner.apiVersion)
      errors.push(invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    if (!owner.kind) errors.push(invalid(`${at}.kind`, owner.kind ?? '', 'must not be empty'));
    if (!owner.name) errors.push(invalid(`${at}.name`, owner.name ?? '', 'must not be empty'));
    if (!owner.uid) errors.push(invalid(`${at}.uid`, owner.uid ?? '', 'must not be empty'));
    if (owner.controller === true && ++controllers > 1) {
      errors.push(invalid('metadata.ownerReferences', owners!, 'Only one reference can have Controller set to true.'));
    }
  }
  return errors;
}

function finalizerErrors(metadata: ApiMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    for (const message of qualifiedNameErrors(finalizer)) {
      errors.push(invalid('metadata.finalizers', finalizer, message));
    }
    if (!finalizer.includes('/') && !standardFinalizers.has(finalizer)) {
      const why = 'name is neither a standard finalizer name nor is it fully qualified';
      errors.push(invalid(`metadata.finalizers[${index}]`, finalizer, why));
    }
  }
  return errors;
}

const standardFinalizers = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What an update of the metadata changes against the rules. */
export function metadataUpdateErrors(next: ApiMeta, old: ApiMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers ?? []);
    const added = (next.finalizers ?? []).filter(finalizer => !before.has(finalizer));
    if (added.length > 0) {
      const list = added.map(finalizer => JSON.stringify(finalizer)).join(', ');
      errors.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
        ),
      );
    }
  }
  for (const field of ['name', 'namespace', 'uid', 'deletionTimestamp', 'deletionGracePeriodSeconds']) {
    if (!deepEqual(next[field] ?? null, old[field] ?? null)) {
      errors.push(invalid(`metadata.${field}`, next[field] ?? null, 'field is immutable'));
    }
  }
  return errors;
}

/** The metadata of an update, with what an update can't change put back. */
export function carryMetadata(next: ApiMeta, old: ApiMeta): ApiMeta {
  const metadata: ApiMeta = { ...next, creationTimestamp: old.creationTimestamp };
  if (!metadata.uid) metadata.uid = old.uid;
  carry(metadata, old, 'generation', true);
  carry(metadata, old, 'deletionTimestamp', old.deletionTimestamp !== undefined);
  carry(metadata, old, 'deletionGracePeriodSeconds', metadata.deletionGracePeriodSeconds === undefined);
  return metadata;
}

function carry(metadata: ApiMeta, old: ApiMeta, field: string, always: boolean): void {
  if (!always) return;
  if (old[field] === undefined) delete metadata[field];
  else metadata[field] = old[field];
}

/** The object with its generation one higher. */
export function nextGeneration(object: ApiObject, old: ApiObject): ApiObject {
  return { ...object, metadata: { ...object.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

/**
 * Shapes of metadata that the server can't decode, such as a label that is a number: the real one answers 400 before it
 * looks at anything else. Undefined where all is well.
 */
export function undecodableMetadata(metadata: Json | undefined): string | undefined {
  if (metadata === undefined || metadata === null) return undefined;
  if (!isObject(metadata))
    return 'json: cannot unmarshal metadata into Go struct field .metadata of type v1.ObjectMeta';
  for (const field of ['name', 'namespace', 'generateName', 'uid', 'resourceVersion']) {
    const value = metadata[field];
    if (value !== undefined && value !== null && typeof value !== 'string') return wrongType(value, field, 'string');
  }
  for (const field of ['labels', 'annotations']) {
    const value = metadata[field];
    if (value === undefined || value === null) continue;
    if (!isObject(value)) return wrongType(value, field, 'map[string]string');
    for (const item of Object.values(value)) {
      if (item !== null && typeof item !== 'string') return wrongType(item ?? null, field, 'string');
    }
  }
  const finalizers = metadata.finalizers;
  if (finalizers !== undefined && finalizers !== null) {
    if (!Array.isArray(finalizers)) return wrongType(finalizers, 'finalizers', '[]string');
    for (const item of finalizers) if (typeof item !== 'string') return wrongType(item, 'finalizers', 'string');
  }
  const owners = metadata.ownerReferences;
  if (owners !== undefined && owners !== null && !Array.isArray(owners)) {
    return wrongType(owners, 'ownerReferences', '[]v1.OwnerReference');
  }
  return undefined;
}

function wrongType(value: Json, field: string, type: string): string {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${found} into Go struct field ObjectMeta.metadata.${field} of type ${type}`;
}
