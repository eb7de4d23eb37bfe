import { deepEqual, isObject, type Json, type JsonObject } from './json.ts';
import { isTooDeep, jsonBytes, maxBodyBytes, maxDepth } from './limits.ts';

/** What a JSON patch came to. */
export type PatchResult =
  | { outcome: 'patched'; value: Json }
  /** The patch is no list of operations: 400. */
  | { outcome: 'malformed'; message: string }
  /** An operation could not be carried out, or a test failed: 422. */
  | { outcome: 'failed'; message: string };

interface Operation {
  op: string;
  path: string[];
  from?: string[];
  value: Json | undefined;
}

/**
 * Applies a JSON patch (RFC 6902) to `document`, which is left as it is. It departs from the RFC as the library does
 * that Kubernetes uses: a `test` for null passes where an object lacks the field, `replace` sets a field that an object
 * lacks, a value that is left out is null, indexes of lists may be negative, and what is copied may not add up to more
 * than 3 MiB: a few copies of a value into itself would fill any memory.
 */
export function applyJsonPatch(document: Json, patch: Json): PatchResult {
  if (!Array.isArray(patch))
    return { outcome: 'malformed', message: 'json: cannot unmarshal object into Go value of type jsonpatch.Patch' };
  let value = document;
  let copiedBytes = 0;
  let moved = false;
  // Copied once, changed in place from then on: a patch of many operations on a large map would take minutes otherwise.
  const own: Own = new Set();
  for (const item of patch) {
    const operation = readOperation(item);
    if (typeof operation === 'string') return { outcome: 'failed', message: operation };
    if (operation.op === 'copy') {
      const source = read(value, operation.from!);
      if (source.failed !== undefined) return { outcome: 'failed', message: source.failed };
      if (isTooDeep(source.value)) return tooDeep;
      copiedBytes += jsonBytes(source.value, maxBodyBytes);
      if (copiedBytes > maxBodyBytes) return { outcome: 'failed', message: 'too much was copied' };
      operation.value = JSON.parse(JSON.stringify(source.value)) as Json;
    }
    if (operation.value !== undefined && isTooDeep(operation.value, operation.path.length)) return tooDeep;
    moved ||= operation.op === 'move';
    const next = applyOperation(value, operation, own);
    if (next.failed !== undefined) return { outcome: 'failed', message: next.failed };
    value = next.value;
  }
  return moved && isTooDeep(value) ? tooDeep : { outcome: 'patched', value };
}

/** Lists and objects that this patch made itself, and nobody else holds. */
type Own = Set<Json>;

const tooDeep: PatchResult = { outcome: 'failed', message: `values may nest ${maxDepth} deep` };

type Step = { value: Json; failed?: undefined } | { failed: string };

function readOperation(item: Json): Operation | string {
  if (!isObject(item) || typeof item.op !== 'string') return 'Unexpected kind: unknown';
  const path = readPointer(item.path);
  if (!path) return `${item.op} operation does not apply: the path is missing or malformed`;
  if (item.op === 'move' || item.op === 'copy') {
    const from = readPointer(item.from);
    if (!from) return `${item.op} operation does not apply: from is missing or malformed`;
    return { op: item.op, path, from, value: undefined };
  }
  return { op: item.op, path, value: item.value };
}

function readPointer(pointer: Json | undefined): string[] | undefined {
  if (typeof pointer !== 'string') return undefined;
  if (pointer === '') return [];
  if (!pointer.startsWith('/')) return undefined;
  const steps = pointer.slice(1).split('/');
  if (steps.length > maxDepth) return undefined;
  return steps.map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function applyOperation(document: Json, { op, path, from, value = null }: Operation, own: Own): Step {
  switch (op) {
    case 'add':
    case 'remove':
    case 'replace':
      return edit(document, path, op, value, own);
    case 'copy':
      return edit(document, path, 'add', value, own);
    case 'test': {
      const found = read(document, path);
      if (found.failed !== undefined) return found;
      return deepEqual(found.value, value)
        ? { value: document }
        : { failed: `testing value /${path.join('/')} failed` };
    }
    case 'move': {
      const source = read(document, from!);
      if (source.failed !== undefined) return source;
      const left = edit(document, from!, 'remove', null, own);
      return left.failed === undefined ? edit(left.value, path, 'add', source.value, own) : left;
    }
    default:
      return { failed: `Unexpected kind: ${op}` };
  }
}

/** What stands at the path; a field that its object lacks reads as null. */
function read(document: Json, path: readonly string[]): Step {
  let at: Json = document;
  for (const [index, step] of path.entries()) {
    let next: Json | undefined;
    if (Array.isArray(at)) {
      next = /^-?\d+$/.test(step) ? at.at(Number(step)) : undefined;
      if (next === undefined) return { failed: `unable to access invalid index: ${step}` };
    } else if (isObject(at)) {
      next = Object.hasOwn(at, step) ? at[step] : undefined;
      if (next === undefined && index < path.length - 1) return { failed: `missing path: /${path.join('/')}` };
    } else return { failed: `missing path: /${path.join('/')}` };
    at = next ?? null;
  }
  return { value: at };
}

function edit(
  at: Json | undefined,
  path: readonly string[],
  verb: 'add' | 'replace' | 'remove',
  value: Json,
  own: Own,
): Step {
  if (path.length === 0) {
    return verb === 'replace' && typeof value === 'object' && value !== null
      ? { value }
      : { failed: `${verb} operation does not apply to the whole document` };
  }
  const [step, ...rest] = path as [string, ...string[]];
  const missing = {
    failed: `${verb} operation does not apply: doc is missing path: "/${path.join('/')}": missing value`,
  };
  if (Array.isArray(at)) return editList(at, step, rest, verb, value, missing, own);
  if (!isObject(at)) return missing;
  const child = Object.hasOwn(at, step) ? at[step] : undefined;
  if (rest.length > 0) {
    const next = edit(child, rest, verb, value, own);
    if (next.failed !== undefined) return next;
    return { value: next.value === child ? at : withOwnField(at, step, next.value, own) };
  }
  if (verb !== 'remove') return { value: withOwnField(at, step, value, own) };
  if (child === undefined) return missing;
  const copy = owned(at, own) as JsonObject;
  delete copy[step];
  return { value: copy };
}

function editList(
  list: Json[],
  step: string,
  rest: readonly string[],
  verb: 'add' | 'replace' | 'remove',
  value: Json,
  missing: { failed: string },
  own: Own,
): Step {
  const toEnd = step === '-' && verb === 'add' && rest.length === 0;
  if (!toEnd && !/^-?\d+$/.test(step)) return missing;
  const adding = verb === 'add' && rest.length === 0;
  const room = list.length + (adding ? 1 : 0);
  const index = toEnd ? list.length : Number(step) < 0 ? Number(step) + room : Number(step);
  if (index < 0 || index >= room) return missing;
  const next = rest.length > 0 ? edit(list[index], rest, verb, value, own) : { value };
  if (next.failed !== undefined) return next;
  const copy = owned(list, own) as Json[];
  if (adding) copy.splice(index, 0, value);
  else if (rest.length === 0 && verb === 'remove') copy.splice(index, 1);
  else copy[index] = next.value;
  return { value: copy };
}

/** The same list or object as a copy that may be changed; itself where it is one already. */
function owned(value: Json[] | JsonObject, own: Own): Json[] | JsonObject {
  if (own.has(value)) return value;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  own.add(copy);
  return copy;
}

/** Sets a field by definition, so that a patch's `__proto__` is a field like any other. */
function withOwnField(object: JsonObject, key: string, value: Json, own: Own): JsonObject {
  const copy = owned(object, own) as JsonObject;
  if (key !== '__proto__') copy[key] = value;
  else Object.defineProperty(copy, key, { value, enumerable: true, writable: true, configurable: true });
  return copy;
}
