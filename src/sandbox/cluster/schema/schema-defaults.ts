import { isObject, type Json, type JsonObject } from '../json.ts';
import type { SchemaNode } from './schema-node.ts';

/**
 * The value with the schema's defaults filled in, and without null where the schema allows none (a null then counts as
 * absent). The same value where nothing changes.
 */
export function applyDefaults(value: Json, node: SchemaNode): Json {
  if (Array.isArray(value)) {
    if (!node.items) return value;
    let copy: Json[] | undefined;
    for (const [index, item] of value.entries()) {
      const next = applyDefaults(item, node.items);
      if (next === item) continue;
      copy ??= [...value];
      copy[index] = next;
    }
    return copy ?? value;
  }
  if (!isObject(value)) return value;
  let copy: JsonObject | undefined;
  if (node.hasDefaults) {
    for (const [name, child] of node.properties) {
      const current = value[name];
      const absent = current === undefined || (current === null && !child.nullable);
      if (!absent || child.default === undefined) continue;
      copy ??= { ...value };
      copy[name] = child.default;
    }
  }
  for (const [name, current] of Object.entries(copy ?? value)) {
    const child = node.properties.get(name) ?? node.additional;
    if (!child || current === undefined) continue;
    if (current === null && !child.nullable) {
      copy ??= { ...value };
      delete copy[name];
      continue;
    }
    const next = applyDefaults(current, child);
    if (next === current) continue;
    copy ??= { ...value };
    copy[name] = next;
  }
  return copy ?? value;
}
