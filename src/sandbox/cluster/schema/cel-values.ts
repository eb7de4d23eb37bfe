import { isObject, type Json } from '../json.ts';
import type { SchemaNode } from './schema-node.ts';

/** Words that CEL keeps for itself: a field of that name is written `__word__`. */
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return'.split(' '),
);

/** A field's name as rules write it. */
export function escapeFieldName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  // Nearly every name is plain, and every rule of every write comes through here.
  if (/^[A-Za-z][A-Za-z0-9]*$/.test(name)) return name;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

/** The value as CEL sees it: integers apart from doubles, times and durations by format, fields under escaped names. */
export function toCel(value: Json | undefined, node: SchemaNode, isRoot = false): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') {
    return (node.type === 'integer' || node.intOrString) && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === 'string') {
    if (node.format === 'date-time' || node.format === 'date') return new Date(value);
    return value;
  }
  if (Array.isArray(value)) return node.items ? value.map(item => toCel(item, node.items!)) : value;
  if (!isObject(value)) return value;
  const result: Record<string, unknown> = {};
  if (isRoot || node.embedded) {
    result.apiVersion = value.apiVersion;
    result.kind = value.kind;
    const metadata = isObject(value.metadata) ? value.metadata : {};
    result.metadata = {
      ...(metadata.name === undefined ? {} : { name: metadata.name }),
      ...(metadata.generateName === undefined ? {} : { generateName: metadata.generateName }),
    };
  }
  for (const [name, child] of Object.entries(value)) {
    if (child === undefined) continue;
    const property = node.properties.get(name);
    // `has()` is true for a null, so that nullable fields can be told from absent ones by rules.
    if (property && !((isRoot || node.embedded) && name in result))
      result[escapeFieldName(name)] = toCel(child, property);
    else if (!property && node.additional) result[name] = toCel(child, node.additional);
  }
  return result;
}
