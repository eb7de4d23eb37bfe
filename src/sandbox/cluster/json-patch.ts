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
  for (const item of patch) {
    const operation = readOperation(item);
    if (typeof operation === 'string') return { outcome: 'failed', message: operation };
    const next = applyOperation(value, operation);
    if (next.failed !== undefined) return { outcome: 'failed', message: next.failed };
    value = next.value;
    if (operation.op !== 'copy') continue;
    if (isTooDeep(next.copied)) return tooDeep;
    copiedBytes += jsonBytes(next.copied, maxBodyBytes);
    if (copiedBytes > maxBodyBytes) return { outcome: 'failed', message: 'too much was copied' };
  }
  return isTooDeep(value) ? tooDeep : { outcome: 'patched', value };
}

const tooDeep: PatchResult = { outcome: 'failed', message: `values may nest ${maxDepth} deep` };

type Step = { value: Json; copied?: Json; failed?: undefined } | { failed: string };

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

function applyOperation(document: Json, { op, path, from, value = null }: Operation): Step {
  switch (op) {
    case 'add':
    case 'remove':
    case 'replace':
      return edit(document, path, op, value);
    case 'test': {
      const found = read(document, path);
      if (found.failed !== undefined) return found;
      return deepEqual(found.value, value)
        ? { value: document }
        : { failed: `testing value /${path.join('/')} failed` };
    }
    case 'copy':
    case 'move': {
      const source = read(document, from!);
      if (source.failed !== undefined) return source;
      const left = op === 'move' ? edit(document, from!, 'remove', null) : { value: document };
      if (left.failed !== undefined) return left;
      const edited = edit(left.value, path, 'add', source.value);
      return edited.failed === undefined ? { ...edited, copied: source.value } : edited;
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

function edit(at: Json | undefined, path: readonly string[], verb: 'add' | 'replace' | 'remove', value: Json): Step {
  if (path.length === 0) {
    return verb === 'replace' && typeof value === 'object' && value !== null
      ? { value }
      : { failed: `${verb} operation does not apply to the whole document` };
  }
  const [step, ...rest] = path as [string, ...string[]];
  const missing = {
    failed: `${verb} operation does not apply: doc is missing path: "/${path.join('/')}": missing value`,
  };
  if (Array.isArray(at)) return editList(at, step, rest, verb, value, missing);
  if (!isObject(at)) return missing;
  const child = Object.hasOwn(at, step) ? at[step] : undefined;
  const copy: JsonObject = { ...at };
  if (rest.length > 0) {
    const next = edit(child, rest, verb, value);
    if (next.failed !== undefined) return next;
    setOwn(copy, step, next.value);
    return { value: copy };
  }
  if (verb === 'remove' && child === undefined) return missing;
  if (verb === 'remove') delete copy[step];
  else setOwn(copy, step, value);
  return { value: copy };
}

function editList(
  list: Json[],
  step: string,
  rest: readonly string[],
  verb: 'add' | 'replace' | 'remove',
  value: Json,
  missing: { failed: string },
): Step {
  const copy = [...list];
  if (step === '-' && verb === 'add' && rest.length === 0) {
    copy.push(value);
    return { value: copy };
  }
  if (!/^-?\d+$/.test(step)) return missing;
  const adding = verb === 'add' && rest.length === 0;
  const index = Number(step) < 0 ? Number(step) + list.length + (adding ? 1 : 0) : Number(step);
  if (index < 0 || index >= list.length + (adding ? 1 : 0)) return missing;
  if (rest.length > 0) {
    const next = edit(list[index], rest, verb, value);
    if (next.failed !== undefined) return next;
    copy[index] = next.value;
  } else if (verb === 'add') copy.splice(index, 0, value);
  else if (verb === 'remove') copy.splice(index, 1);
  else copy[index] = value;
  return { value: copy };
}

/** Sets a field by definition, so that a patch's `__proto__` is a field like any other. */
function setOwn(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}
