import { ApiError } from '../api-error.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type Json,
  type JsonObject,
} from '../json.ts';
import {
  changedPaths,
  type FieldPaths,
  mergeFields,
  pathsOf,
  pathText,
  readFieldsV1,
  withoutFields,
  writeFieldsV1,
} from './field-paths.ts';
import type { FieldShape } from './field-shape.ts';

/** Who writes, how, and when. */
export interface FieldManager {
  name: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  subresource: 'status' | undefined;
  /** RFC 3339, whole seconds. */
  now: string;
}

interface Entry {
  source: JsonObject;
  fields: FieldPaths;
}

const sameManager = ({ source }: Entry, manager: FieldManager): boolean =>
  source.manager === manager.name &&
  source.operation === manager.operation &&
  source.apiVersion === manager.apiVersion &&
  (source.subresource ?? undefined) === manager.subresource;

/** The `managedFields` of `next`, after an update by `manager` of an object whose entries were `entries`. */
export function afterUpdate(
  entries: Json | undefined,
  before: ApiObject | undefined,
  next: ApiObject,
  shape: FieldShape,
  manager: FieldManager,
): Json[] {
  const { set, gone } = changedPaths(before, next, shape);
  const given = asList(entries);
  if (set.size === 0 && gone.size === 0) return given;
  const read = readEntries(given);
  const own = read.find(entry => sameManager(entry, manager));
  const lost = new Set([...gone, ...set]);
  const others = read.filter(entry => entry !== own).map(entry => without(entry, lost));
  const owned = own ? without(own, gone).fields : new Set<string>();
  const all = new Set([...owned, ...set]);
  return [...others, ...(all.size > 0 ? [entryOf(manager, all)] : [])]
    .filter(entry => entry.fields.size > 0)
    .map(write);
}

/** What an apply asks for: the state to be judged and stored, and who owns what then. */
export interface Applied {
  object: JsonObject;
  managedFields: Json[];
}

/**
 * Lays a configuration over an object for `manager`: fields that it applied before and no longer names go, unless
 * another owns them. Throws a 409 where another manager owns a field with another value, unless `force`.
 */
export function applyConfiguration(
  old: ApiObject | undefined,
  patch: JsonObject,
  shape: FieldShape,
  manager: FieldManager,
  force: boolean,
): Applied {
  const entries = readEntries(asList(old?.metadata.managedFields));
  const own = entries.find(entry => sameManager(entry, manager));
  const others = entries.filter(entry => entry !== own);
  const wanted = pathsOf(patch, shape);
  const merged = mergeFields(old, patch, shape);
  const changed = changedPaths(old, merged, shape).set;
  const conflicts = others.flatMap(entry =>
    [...entry.fields].filter(path => wanted.has(path) && changed.has(path)).map(path => ({ entry, path })),
  );
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  const dropped = new Set(
    [...(own?.fields ?? [])].filter(path => !wanted.has(path) && !others.some(entry => entry.fields.has(path))),
  );
  const object = (dropped.size > 0 ? withoutFields(merged, shape, dropped) : merged) as JsonObject;
  const taken = new Set(conflicts.map(({ path }) => path));
  const kept = others.map(entry => without(entry, taken)).filter(entry => entry.fields.size > 0);
  const unchanged =
    own && deepEqual(writeFieldsV1(own.fields), writeFieldsV1(wanted)) && changed.size === 0 && dropped.size === 0;
  const mine = unchanged ? own : entryOf(manager, wanted);
  // Appliers come first, as the server sorts them.
  const isApply = ({ source }: Entry) => source.operation === 'Apply';
  const all = unchanged
    ? entries.map(entry => (entry === own ? mine : entry))
    : [...kept.filter(isApply), mine, ...kept.filter(entry => !isApply(entry))];
  return { object, managedFields: all.filter(entry => entry.fields.size > 0).map(write) };
}

function readEntries(entries: readonly Json[]): Entry[] {
  return entries.filter(isObject).map(source => ({ source, fields: readFieldsV1(asObject(source.fieldsV1)) }));
}

function without(entry: Entry, lost: FieldPaths): Entry {
  const fields = new Set([...entry.fields].filter(path => !lost.has(path)));
  return fields.size === entry.fields.size
    ? entry
    : { source: { ...entry.source, fieldsV1: writeFieldsV1(fields) }, fields };
}

function entryOf(manager: FieldManager, fields: FieldPaths): Entry {
  return {
    fields,
    source: {
      manager: manager.name,
      operation: manager.operation,
      apiVersion: manager.apiVersion,
      time: manager.now,
      fieldsType: 'FieldsV1',
      fieldsV1: writeFieldsV1(fields),
      ...(manager.subresource ? { subresource: manager.subresource } : {}),
    },
  };
}

const write = ({ source }: Entry): Json => source;

function conflictError(conflicts: { entry: Entry; path: string }[]): ApiError {
  const nameOf = ({ source }: Entry): string => {
    const subresource = source.subresource ? ` with subresource ${JSON.stringify(source.subresource)}` : '';
    const using = source.operation === 'Update' ? ` using ${asString(source.apiVersion)}` : '';
    return `${JSON.stringify(source.manager)}${subresource}${using}`;
  };
  const causes = conflicts.map(({ entry, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${nameOf(entry)}`,
    field: pathText(path),
  }));
  const [first] = conflicts;
  if (conflicts.length === 1) {
    const message = `Apply failed with 1 conflict: conflict with ${nameOf(first!.entry)}: ${pathText(first!.path)}`;
    return new ApiError(409, 'Conflict', message, { causes });
  }
  const names = [...new Set(conflicts.map(({ entry }) => nameOf(entry)))].sort();
  const lines = names.flatMap(name => [
    `conflicts with ${name}:`,
    ...conflicts.filter(({ entry }) => nameOf(entry) === name).map(({ path }) => `- ${pathText(path)}`),
  ]);
  return new ApiError(409, 'Conflict', `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`, {
    causes,
  });
}
