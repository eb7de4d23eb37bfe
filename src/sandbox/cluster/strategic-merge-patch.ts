import { asList, deepEqual, isObject, type Json, type JsonObject, withField } from './json.ts';

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

const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

class PatchFormat extends Error {}
class PatchFailure extends Error {}

/** Applies a strategic merge patch to `original`, which is left as it is. */
export function applyStrategicMergePatch(original: JsonObject, patch: Json, shape: MergeShape): StrategicResult {
  if (!isObject(patch)) {
    const found = Array.isArray(patch) ? 'array' : typeof patch === 'boolean' ? 'bool' : typeof patch;
    const message = `json: cannot unmarshal ${found} into Go value of type map[string]interface {}`;
    return { outcome: 'malformed', message };
  }
  try {
    return { outcome: 'patched', value: mergeObject(original, patch, shape) };
  } catch (error) {
    if (error instanceof PatchFormat) return { outcome: 'malformed', message: error.message };
    if (error instanceof PatchFailure) return { outcome: 'failed', message: error.message };
    throw error;
  }
}

function mergeObject(original: JsonObject, patch: JsonObject, shape: MergeShape | undefined): JsonObject {
  const directive = patch.$patch;
  if (directive === 'delete') return {};
  if (directive === 'replace') return withField(patch, '$patch', undefined);
  if (directive !== undefined && directive !== 'merge') {
    throw new PatchFormat(`unknown patch type: ${JSON.stringify(directive)}`);
  }
  const result: JsonObject = retainKeys(original, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || key.startsWith(orderPrefix)) continue;
    if (key.startsWith(deletePrefix)) {
      deleteFromPrimitives(result, key.slice(deletePrefix.length), value);
      continue;
    }
    const merged = mergeField(Object.hasOwn(result, key) ? result[key] : undefined, value, shape, key, patch);
    if (merged === undefined) delete result[key];
    else result[key] = merged;
  }
  for (const [key, directive] of Object.entries(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const field = key.slice(orderPrefix.length);
    const current = result[field];
    const fieldShape = shape?.fields?.[field];
    if (patch[field] === undefined && Array.isArray(current) && fieldShape) {
      result[field] = order(current, [], directive, current, fieldShape);
    }
  }
  return result;
}

/** Undefined where the field goes. */
function mergeField(
  current: Json | undefined,
  value: Json | undefined,
  shape: MergeShape | undefined,
  key: string,
  patch: JsonObject,
): Json | undefined {
  if (value === null || value === undefined) return undefined;
  const fieldShape = shape?.fields?.[key] ?? shape?.values;
  if (isObject(value) && isObject(current)) return mergeObject(current, value, fieldShape);
  if (Array.isArray(value) && (fieldShape?.mergeKey || fieldShape?.set)) {
    const directive = patch[`${orderPrefix}${key}`];
    // The server's own types leave an empty list out, so it counts as absent.
    if (Array.isArray(current) && current.length > 0) return mergeList(current, value, fieldShape, directive);
    const added = asList(withoutDirectives(value));
    return directive === undefined ? added : order(added, added, directive, [], fieldShape);
  }
  return withoutDirectives(value);
}

/** A value put where nothing of its kind was: without nulls, and without objects that hold a directive. */
function withoutDirectives(value: Json): Json | undefined {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter(item => item !== undefined);
  if (!isObject(value)) return value;
  if (value.$patch !== undefined) return undefined;
  const result: JsonObject = {};
  for (const [key, child] of Object.entries(value)) {
    const kept = child === null || child === undefined ? undefined : withoutDirectives(child);
    if (kept !== undefined) result[key] = kept;
  }
  return result;
}

function retainKeys(original: JsonObject, patch: JsonObject): JsonObject {
  const kept = patch.$retainKeys;
  if (kept === undefined) return { ...original };
  if (!Array.isArray(kept)) throw new PatchFormat('invalid patch format of retainKeys');
  const names = new Set(kept);
  return Object.fromEntries(Object.entries(original).filter(([key]) => names.has(key)));
}

function deleteFromPrimitives(result: JsonObject, field: string, removed: Json | undefined): void {
  if (!Array.isArray(removed)) throw new PatchFormat('invalid patch format of primitive list');
  const current = result[field];
  const gone = new Set(removed);
  if (Array.isArray(current)) result[field] = current.filter(item => !gone.has(item));
}

function mergeList(current: Json[], patch: Json[], shape: MergeShape, directive: Json | undefined): Json[] {
  const arrangeAll = (merged: Json[], asked: Json[], before: Json[]) => {
    const once = arrange(merged, asked, before, shape);
    return directive === undefined ? once : order(once, asked, directive, current, shape);
  };
  if (shape.set) return arrangeAll([...new Set([...current, ...patch])], patch, current);
  const mergeKey = shape.mergeKey!;
  const keyOf = (item: Json): Json => {
    if (!isObject(item)) throw new PatchFailure('expected an object in a list of objects');
    const key = item[mergeKey];
    if (key !== undefined) return key;
    throw new PatchFailure(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  };
  const asked = patch.filter(item => !isObject(item) || item.$patch === undefined);
  const before = afterDirectives(current, patch, mergeKey, keyOf);
  if (patch.some(item => isObject(item) && item.$patch === 'replace')) return asked;
  const merged = [...before];
  const places = placesOf(merged.map(item => (isObject(item) ? item[mergeKey] : undefined)));
  for (const item of asked) {
    const key = canonical(keyOf(item));
    const index = places.get(key);
    // A key that is null goes with the other nulls: such an item is found no more.
    if (index !== undefined) merged[index] = mergeObject(merged[index] as JsonObject, item as JsonObject, shape.items);
    else merged.push(withoutDirectives(item)!);
    if (key === 'null') places.delete(key);
    else places.set(key, index ?? merged.length - 1);
  }
  return arrangeAll(merged, asked, before);
}

/** The list without the items that the patch deletes. */
function afterDirectives(current: Json[], patch: Json[], mergeKey: string, keyOf: (item: Json) => Json): Json[] {
  const gone = new Set<string>();
  for (const item of patch) if (isObject(item) && item.$patch === 'delete') gone.add(canonical(keyOf(item)));
  return current.filter(item => !(isObject(item) && gone.has(canonical(item[mergeKey]))));
}

/** Puts a merged list in the order that `$setElementOrder` asks for. */
function order(merged: Json[], asked: Json[], directive: Json | undefined, before: Json[], shape: MergeShape): Json[] {
  if (!Array.isArray(directive)) throw new PatchFormat('invalid patch format of setElementOrder list');
  const identity = identityOf(shape);
  let next = 0;
  for (const item of directive) {
    if (next < asked.length && deepEqual(identity(asked[next]!), identity(item))) next++;
  }
  if (directive.length > 0 && next < asked.length) {
    throw new PatchFailure(
      `The order in patch list: ${JSON.stringify(asked)} doesn't match $setElementOrder list: ${JSON.stringify(directive)}`,
    );
  }
  return arrange(merged, directive, before, shape);
}

/**
 * Items that are named, in the order of `named`, and between them the others, where both stood in that order before.
 */
function arrange(merged: Json[], named: readonly Json[], before: readonly Json[], shape: MergeShape): Json[] {
  const identity = identityOf(shape);
  const wanted = placesOf(named.map(identity));
  const former = placesOf(before.map(identity));
  const key = (item: Json) => canonical(identity(item));
  const first = merged.filter(item => wanted.has(key(item)));
  const others = merged.filter(item => !wanted.has(key(item)));
  first.sort((a, b) => wanted.get(key(a))! - wanted.get(key(b))!);
  const result: Json[] = [];
  let next = 0;
  for (const item of first) {
    const at = former.get(key(item));
    for (; at !== undefined && next < others.length; next++) {
      const otherAt = former.get(key(others[next]!));
      if (otherAt === undefined || otherAt >= at) break;
      result.push(others[next]!);
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}

/** Where each value stands first, by its text: looking for each in the list would take minutes for a long one. */
function placesOf(values: readonly (Json | undefined)[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const [index, value] of values.entries()) {
    const text = canonical(value);
    if (!places.has(text)) places.set(text, index);
  }
  return places;
}

/** The same text for the same JSON, whatever the order of its fields. */
function canonical(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? '';
  const fields = Object.keys(value).filter(field => value[field] !== undefined);
  return `{${fields
    .sort()
    .map(field => `${JSON.stringify(field)}:${canonical(value[field])}`)
    .join(',')}}`;
}

function identityOf(shape: MergeShape): (item: Json) => Json | undefined {
  return item => (shape.mergeKey && isObject(item) ? item[shape.mergeKey] : item);
}
