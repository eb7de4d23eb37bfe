import { deepEqual, isObject, type Json, type JsonObject } from '../json.ts';
import type { FieldShape } from './field-shape.ts';

/**
 * Fields as a set of paths. A path is the steps of Kubernetes' FieldsV1 (`f:spec`, `k:{"name":"a"}`, `v:"x"`), joined
 * by NUL, which no step can hold.
 */
export type FieldPaths = Set<string>;

const joint = '\0';
const under = (path: string, step: string): string => (path === '' ? step : path + joint + step);

/** Fields that nobody owns: identity and what the server sets. */
const unowned = new Set(
  [
    'apiVersion',
    'kind',
    ...'name namespace generateName uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds selfLink managedFields'
      .split(' ')
      .map(field => `metadata${joint}f:${field}`),
  ].map(path => `f:${path}`),
);

interface Part {
  step: string;
  value: Json;
  shape: FieldShape | undefined;
}

/** What a value consists of; undefined where it is owned as a whole. */
function partsOf(value: Json, shape: FieldShape | undefined): Part[] | undefined {
  if (shape?.atomic) return undefined;
  if (isObject(value)) {
    return Object.entries(value)
      .filter(([, child]) => child !== undefined)
      .map(([key, child]) => ({ step: `f:${key}`, value: child!, shape: shape?.fields?.[key] ?? shape?.values }));
  }
  if (!Array.isArray(value) || !shape?.list) return undefined;
  return value.map(item => ({ step: itemStep(item, shape.list!), value: item, shape: shape.items }));
}

function itemStep(item: Json, list: 'set' | string[]): string {
  if (list === 'set' || !isObject(item)) return `v:${JSON.stringify(item)}`;
  return `k:${JSON.stringify(Object.fromEntries(list.filter(key => item[key] !== undefined).map(key => [key, item[key]!])))}`;
}

/** Every field that a value sets; items of lists that are merged count themselves. */
export function pathsOf(value: Json, shape: FieldShape): FieldPaths {
  const found: FieldPaths = new Set();
  collect(value, shape, '', found);
  return found;
}

function collect(value: Json, shape: FieldShape | undefined, path: string, found: FieldPaths): void {
  if (unowned.has(path)) return;
  const parts = partsOf(value, shape);
  if (!parts || parts.length === 0) {
    if (path !== '') found.add(path);
    return;
  }
  for (const part of parts) {
    const below = under(path, part.step);
    if (!part.step.startsWith('f:')) found.add(below);
    if (!part.step.startsWith('v:')) collect(part.value, part.shape, below, found);
  }
}

/** The fields that differ between two states, and those that only the former has. */
export function changedPaths(
  before: Json | undefined,
  after: Json,
  shape: FieldShape,
): { set: FieldPaths; gone: FieldPaths } {
  const result = { set: new Set<string>(), gone: new Set<string>() };
  compare(before, after, shape, '', result);
  return result;
}

function compare(
  before: Json | undefined,
  after: Json | undefined,
  shape: FieldShape | undefined,
  path: string,
  result: { set: FieldPaths; gone: FieldPaths },
): void {
  if (before === after || unowned.has(path)) return;
  const was = before === undefined ? undefined : partsOf(before, shape);
  const is = after === undefined ? undefined : partsOf(after, shape);
  if (before !== undefined && (!was || after === undefined || !is)) {
    if (deepEqual(before, after)) return;
    if (after === undefined || was) collect(before, shape, path, result.gone);
  }
  if (after !== undefined && (!is || !was)) collect(after, shape, path, result.set);
  if (!was || !is) return;
  const former = new Map(was.map(part => [part.step, part]));
  for (const part of is) {
    const old = former.get(part.step);
    former.delete(part.step);
    if (!old && !part.step.startsWith('f:')) result.set.add(under(path, part.step));
    if (!part.step.startsWith('v:')) compare(old?.value, part.value, part.shape, under(path, part.step), result);
  }
  for (const old of former.values()) {
    if (!old.step.startsWith('f:')) result.gone.add(under(path, old.step));
    if (!old.step.startsWith('v:')) compare(old.value, undefined, old.shape, under(path, old.step), result);
  }
}

/** Lays `patch` over `value` field by field, as server-side apply does. */
export function mergeFields(value: Json | undefined, patch: Json, shape: FieldShape | undefined): Json {
  if (shape?.atomic) return patch;
  if (isObject(patch)) {
    const result: JsonObject = isObject(value) ? { ...value } : {};
    for (const [key, child] of Object.entries(patch)) {
      if (child !== undefined) result[key] = mergeFields(result[key], child, shape?.fields?.[key] ?? shape?.values);
    }
    return result;
  }
  if (!Array.isArray(patch) || !shape?.list || !Array.isArray(value)) return patch;
  const list = shape.list;
  const result = [...value];
  const places = new Map<string, number>();
  for (const [index, item] of value.entries()) {
    const step = itemStep(item, list);
    if (!places.has(step)) places.set(step, index);
  }
  for (const item of patch) {
    const step = itemStep(item, list);
    const index = places.get(step);
    if (index === undefined) places.set(step, result.push(item) - 1);
    else result[index] = mergeFields(result[index], item, shape.items);
  }
  return result;
}

/** The value without the fields of `gone`; a map that loses its last field so goes too. */
export function withoutFields(
  value: Json,
  shape: FieldShape | undefined,
  gone: FieldPaths,
  path = '',
): Json | undefined {
  const parts = partsOf(value, shape);
  if (!parts || parts.length === 0) return gone.has(path) ? undefined : value;
  let changed = false;
  const kept: [string, Json][] = [];
  for (const part of parts) {
    const below = under(path, part.step);
    const isItem = !part.step.startsWith('f:');
    const left = isItem && gone.has(below) ? undefined : withoutFields(part.value, part.shape, gone, below);
    if (left !== part.value) changed = true;
    if (left !== undefined) kept.push([part.step.slice(2), left]);
  }
  if (!changed) return value;
  if (kept.length === 0 && path !== '') return undefined;
  return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept);
}

const parsed = new WeakMap<JsonObject, FieldPaths>();

/** Reads FieldsV1. */
export function readFieldsV1(fields: JsonObject): FieldPaths {
  let found = parsed.get(fields);
  if (!found) {
    found = new Set();
    walk(fields, '', found);
    parsed.set(fields, found);
  }
  return found;
}

function walk(fields: JsonObject, path: string, found: FieldPaths): void {
  for (const [step, below] of Object.entries(fields)) {
    if (step === '.') {
      found.add(path);
      continue;
    }
    const next = under(path, step);
    if (!isObject(below) || Object.keys(below).length === 0) found.add(next);
    else walk(below, next, found);
  }
}

/** Writes FieldsV1. */
export function writeFieldsV1(paths: FieldPaths): JsonObject {
  const root: JsonObject = {};
  const sorted = [...paths].sort();
  for (const [index, path] of sorted.entries()) {
    let at = root;
    for (const step of path.split(joint)) {
      at[step] ??= {};
      at = at[step] as JsonObject;
    }
    // A path with fields below it says by a dot that it is owned itself. No character comes before the joint, so the
    // first of these fields is the next path.
    if (sorted[index + 1]?.startsWith(path + joint)) at['.'] = {};
  }
  return root;
}

/** A path as error messages show it: `.spec.containers[name="a"].image`. */
export function pathText(path: string): string {
  return path
    .split(joint)
    .map(step => {
      const rest = step.slice(2);
      if (step.startsWith('f:')) return `.${rest}`;
      if (step.startsWith('v:')) return `[=${rest}]`;
      const keys = Object.entries(JSON.parse(rest) as JsonObject);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}
