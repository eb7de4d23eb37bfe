import { deepEqual, isObject, type Json, type JsonObject } from './json.ts';

/** How a field of a built-in kind is merged; what has no shape is merged as plain JSON, its lists replaced whole. */
export interface MergeShape {
  /** Shapes of an object's fields. */
  fields?: Record<string, MergeShape>;
  /** Shape of every value, for an object that is a map. */
  values?: MergeShape;
  /** The field that tells a list's objects apart: the list is merged item by item. */
  mergeKey?: string;
  /** Shape of a list's items. */
  items?: MergeShape;
  /** A list of plain values that is merged as a set. */
  set?: true;
}

export type StrategicResult =
  | { outcome: 'patched'; value: JsonObject }
  /** The patch itself is ill-formed: 400. */
  | { outcome: 'malformed'; message: string }
  /** The server fails on it (an item without its merge key): 500, as the real one answers. */
  | { outcome: 'failed'; message: string };

const directivePrefixes = ['$setElementOrder/', '$deleteFromPrimitiveList/'];

class PatchFormat extends Error {}
class PatchFailure extends Error {}

/** Applies a strategic merge patch to `original`, which is left as it is. */
export function applyStrategicMergePatch(original: JsonObject, patch: Json, shape: MergeShape): StrategicResult {
  if (!isObject(patch)) return { outcome: 'malformed', message: 'error decoding patch: the patch must be an object' };
  try {
    return { outcome: 'patched', value: mergeObject(original, patch, shape) ?? {} };
  } catch (error) {
    if (error instanceof PatchFormat) return { outcome: 'malformed', message: error.message };
    if (error instanceof PatchFailure) return { outcome: 'failed', message: error.message };
    throw error;
  }
}

/** Undefined where the patch deletes the whole object. */
function mergeObject(original: JsonObject, patch: JsonObject, shape: MergeShape | undefined): JsonObject | undefined {
  const directive = patch.$patch;
  if (directive === 'delete') return undefined;
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive !== undefined && directive !== 'merge')
    throw new PatchFormat(`unknown patch type: ${String(directive)}`);
  const result: JsonObject = retainKeys(original, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || key.startsWith('$setElementOrder/')) continue;
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      deleteFromPrimitives(result, key.slice('$deleteFromPrimitiveList/'.length), value);
      continue;
    }
    const fieldShape = shape?.fields?.[key] ?? shape?.values;
    const current = Object.hasOwn(result, key) ? result[key] : undefined;
    if (value === null || value === undefined) delete result[key];
    else if (isObject(value)) {
      const merged = isObject(current) ? mergeObject(current, value, fieldShape) : fresh(value);
      if (merged === undefined) delete result[key];
      else result[key] = merged;
    } else if (Array.isArray(value) && (fieldShape?.mergeKey || fieldShape?.set)) {
      result[key] = mergeList(
        Array.isArray(current) ? current : [],
        value,
        fieldShape,
        patch[`$setElementOrder/${key}`],
      );
    } else result[key] = value;
  }
  for (const key of Object.keys(patch)) {
    if (!key.startsWith('$setElementOrder/')) continue;
    const field = key.slice('$setElementOrder/'.length);
    if (patch[field] !== undefined) continue;
    const current = result[field];
    const fieldShape = shape?.fields?.[field];
    if (Array.isArray(current) && fieldShape) result[field] = order(current, [], patch[key], current, fieldShape);
  }
  return result;
}

/** A patch's object put where there was none: what it deletes is not there. */
function fresh(patch: JsonObject): JsonObject | undefined {
  return patch.$patch === 'delete' ? undefined : withoutNulls(patch);
}

function withoutNulls(patch: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(withoutDirectives(patch))) {
    if (value === null || value === undefined) continue;
    result[key] = isObject(value) ? withoutNulls(value) : value;
  }
  return result;
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys') continue;
    if (directivePrefixes.some(prefix => key.startsWith(prefix))) continue;
    result[key] = value;
  }
  return result;
}

function retainKeys(original: JsonObject, patch: JsonObject): JsonObject {
  const kept = patch.$retainKeys;
  if (kept === undefined) return { ...original };
  if (!Array.isArray(kept)) throw new PatchFormat('invalid patch format of retainKeys');
  return Object.fromEntries(Object.entries(original).filter(([key]) => kept.includes(key)));
}

function deleteFromPrimitives(result: JsonObject, field: string, removed: Json | undefined): void {
  if (!Array.isArray(removed)) throw new PatchFormat('invalid patch format of primitive list');
  const current = result[field];
  if (Array.isArray(current)) result[field] = current.filter(item => !removed.includes(item));
}

function mergeList(current: Json[], patch: Json[], shape: MergeShape, orderDirective: Json | undefined): Json[] {
  if (shape.set) {
    const merged = [...current, ...patch.filter(item => !current.includes(item))];
    return orderDirective === undefined ? merged : order(merged, patch, orderDirective, current, shape);
  }
  const mergeKey = shape.mergeKey!;
  const replaces = patch.some(item => isObject(item) && item.$patch === 'replace');
  let result = replaces ? [] : [...current];
  for (const item of patch) {
    if (!isObject(item)) throw new PatchFailure('expected an object in a list of objects');
    if (item.$patch === 'replace') continue;
    const key = item[mergeKey];
    if (key === undefined) {
      throw new PatchFailure(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
    }
    const index = result.findIndex(other => isObject(other) && deepEqual(other[mergeKey], key));
    if (item.$patch === 'delete') {
      result = result.filter(other => !(isObject(other) && deepEqual(other[mergeKey], key)));
    } else if (index < 0) result.push(withoutNulls(item));
    else result[index] = mergeObject(result[index] as JsonObject, item, shape.items) ?? {};
  }
  return orderDirective === undefined ? result : order(result, patch, orderDirective, current, shape);
}

/**
 * Puts a merged list in the order that the patch asks for; items that the directive does not name keep their place
 * among those that were there before.
 */
function order(merged: Json[], patch: Json[], directive: Json | undefined, before: Json[], shape: MergeShape): Json[] {
  if (!Array.isArray(directive)) throw new PatchFormat('invalid patch format of setElementOrder list');
  const identity = (item: Json) => (shape.mergeKey && isObject(item) ? item[shape.mergeKey] : item);
  const wanted = directive.map(identity);
  const positionIn = (list: (Json | undefined)[], item: Json) =>
    list.findIndex(other => deepEqual(other, identity(item)));
  for (const item of patch) {
    if (isObject(item) && item.$patch !== undefined) continue;
    if (positionIn(wanted, item) < 0) {
      throw new PatchFormat("The order in patch list doesn't match the setElementOrder list");
    }
  }
  const named = merged.filter(item => positionIn(wanted, item) >= 0);
  const others = merged.filter(item => positionIn(wanted, item) < 0);
  named.sort((a, b) => positionIn(wanted, a) - positionIn(wanted, b));
  const beforeKeys = before.map(identity);
  const result: Json[] = [];
  while (named.length > 0 && others.length > 0) {
    const place = positionIn(beforeKeys, named[0]!);
    result.push(place < 0 || place < positionIn(beforeKeys, others[0]!) ? named.shift()! : others.shift()!);
  }
  return [...result, ...named, ...others];
}
