import { isObject, type Json, type JsonObject } from '../json.ts';
import type { SchemaNode } from './schema-node.ts';

/** Fields of an object that need no place in the schema. */
const objectFields = new Set(['apiVersion', 'kind', 'metadata']);

/**
 * The value without the fields that the schema does not know; the same value where nothing had to go. The paths of
 * dropped fields are added to `dropped`.
 */
export function pruneUnknown(value: Json, node: SchemaNode, isRoot: boolean, path: string, dropped: string[]): Json {
  if (Array.isArray(value)) {
    if (!node.items) return value;
    let copy: Json[] | undefined;
    for (const [index, item] of value.entries()) {
      const pruned = pruneUnknown(item, node.items, false, `${path}[${index}]`, dropped);
      if (pruned === item) continue;
      copy ??= [...value];
      copy[index] = pruned;
    }
    return copy ?? value;
  }
  if (!isObject(value)) return value;
  let copy: JsonObject | undefined;
  for (const [key, child] of Object.entries(value)) {
    if (child === undefined) continue;
    const childPath = path ? `${path}.${key}` : key;
    const childNode = node.properties.get(key) ?? node.additional;
    if ((isRoot || node.embedded) && objectFields.has(key)) continue;
    if (childNode) {
      const pruned = pruneUnknown(child, childNode, false, childPath, dropped);
      if (pruned === child) continue;
      copy ??= { ...value };
      copy[key] = pruned;
    } else if (!node.preserveUnknown && !node.anyAdditional) {
      dropped.push(childPath);
      copy ??= { ...value };
      delete copy[key];
    }
  }
  return copy ?? value;
}
