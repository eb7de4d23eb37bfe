import { type FieldError, fieldError, invalid, notSupported, required } from '../api-error.ts';
import { deepEqual, isObject, type Json, type JsonObject } from '../json.ts';
import type { SchemaNode } from './schema-node.ts';

/**
 * What of `value` breaks the schema (without its CEL rules). What has not changed since `old` is not judged again, as
 * the real server ratchets: a stricter schema does not lock up objects that were stored before it.
 */
export function schemaErrors(value: Json, old: Json | undefined, node: SchemaNode, path: string): FieldError[] {
  const errors: FieldError[] = [];
  check(value, old, node, path, errors);
  return errors;
}

function check(value: Json, old: Json | undefined, node: SchemaNode, path: string, errors: FieldError[]): void {
  if (old !== undefined && deepEqual(value, old)) return;
  if (value === null) {
    if (!node.nullable && node.type !== '') errors.push(wrongType('null', node, path));
    return;
  }
  if (!hasType(value, node)) {
    errors.push(wrongType(typeName(value), node, path));
    if (node.type === 'integer' && typeof value === 'number' && hasRange(node)) {
      // The server's check of the range speaks up as well, without a field.
      errors.push(invalid('', '', `Checked value must be of type integer (default format) in ${path}`));
    }
    return;
  }
  if (node.enum && !node.enum.some(allowed => deepEqual(allowed, value))) {
    const allowed = node.enum.map(item => (typeof item === 'string' ? item : JSON.stringify(item)));
    errors.push(notSupported(path, value, allowed));
  }
  if (typeof value === 'string') checkString(value, node, path, errors);
  else if (typeof value === 'number') checkNumber(value, node, path, errors);
  else if (Array.isArray(value)) checkList(value, old, node, path, errors);
  else if (isObject(value)) checkObject(value, old, node, path, errors);
  checkCombined(value, node, path, errors);
}

function hasType(value: Json, node: SchemaNode): boolean {
  if (node.intOrString) return typeof value === 'string' || Number.isInteger(value);
  switch (node.type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return true;
  }
}

function hasRange({ bounds }: SchemaNode): boolean {
  return bounds.minimum !== undefined || bounds.maximum !== undefined;
}

function typeName(value: Json): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function wrongType(found: string, node: SchemaNode, path: string): FieldError {
  const wanted = node.intOrString ? 'integer,string' : node.type;
  return fieldError('FieldValueTypeInvalid', path, found, `${path} in body must be of type ${wanted}: "${found}"`);
}

function checkString(value: string, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { minLength, maxLength } = node.bounds;
  const length = maxLength !== undefined || minLength !== undefined ? [...value].length : 0;
  if (maxLength !== undefined && length > maxLength) {
    errors.push(fieldError('FieldValueTooLong', path, undefined, `may not be more than ${maxLength} bytes`));
  }
  if (minLength !== undefined && length < minLength) {
    errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (node.pattern && !node.pattern.test(value)) {
    errors.push(invalid(path, value, `${path} in body should match '${node.patternText}'`));
  }
  const format = node.format ? formats[node.format] : undefined;
  if (format && !format(value)) {
    errors.push(
      fieldError('FieldValueTypeInvalid', path, value, `${path} in body must be of type ${node.format}: "${value}"`),
    );
  }
}

const ipv4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/** Formats that the server checks; others are words for people. */
const formats: Record<string, (value: string) => boolean> = {
  'date-time': value =>
    /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value) && !Number.isNaN(Date.parse(value)),
  date: value => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  ipv4: value => ipv4.test(value),
  uuid: value => /^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$/.test(value),
  byte: value => /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0,
};

function checkNumber(value: number, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node.bounds;
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    const words = exclusiveMaximum ? 'less than' : 'less than or equal to';
    errors.push(invalid(path, value, `${path} in body should be ${words} ${maximum}`));
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    const words = exclusiveMinimum ? 'greater than' : 'greater than or equal to';
    errors.push(invalid(path, value, `${path} in body should be ${words} ${minimum}`));
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`));
  }
}

function checkList(value: Json[], old: Json | undefined, node: SchemaNode, path: string, errors: FieldError[]): void {
  const { minItems, maxItems, uniqueItems } = node.bounds;
  if (maxItems !== undefined && value.length > maxItems) {
    errors.push(fieldError('FieldValueTooMany', path, value.length, `must have at most ${maxItems} items`));
  }
  if (minItems !== undefined && value.length < minItems) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  }
  if (uniqueItems && value.some((item, index) => value.slice(0, index).some(other => deepEqual(item, other)))) {
    errors.push(invalid(path, '', `${path} in body shouldn't contain duplicates`));
  }
  if (!node.items) return;
  const before = correlate(node, old);
  for (const [index, item] of value.entries()) check(item, before(item), node.items, `${path}[${index}]`, errors);
}

/** Finds the former state of a list's item: only lists of type `map` tell their items apart. */
export function correlate(node: SchemaNode, old: Json | undefined): (item: Json) => Json | undefined {
  if (node.listType !== 'map' || !Array.isArray(old)) return () => undefined;
  return item => old.find(other => sameMapKeys(node, item, other));
}

function sameMapKeys(node: SchemaNode, left: Json, right: Json): boolean {
  if (!isObject(left) || !isObject(right)) return false;
  return node.listMapKeys.every(key => deepEqual(left[key], right[key]));
}

function checkObject(
  value: JsonObject,
  old: Json | undefined,
  node: SchemaNode,
  path: string,
  errors: FieldError[],
): void {
  const { minProperties, maxProperties } = node.bounds;
  const count = minProperties !== undefined || maxProperties !== undefined ? Object.keys(value).length : 0;
  if (maxProperties !== undefined && count > maxProperties) {
    errors.push(fieldError('FieldValueTooMany', path, count, `must have at most ${maxProperties} items`));
  }
  if (minProperties !== undefined && count < minProperties) {
    errors.push(invalid(path, count, `${path} in body should have at least ${minProperties} properties`));
  }
  const before = isObject(old) ? old : undefined;
  const below = (name: string) => (path ? `${path}.${name}` : name);
  for (const name of node.required) if (value[name] === undefined) errors.push(required(below(name)));
  for (const [name, child] of Object.entries(value)) {
    const childNode = node.properties.get(name) ?? node.additional;
    if (childNode && child !== undefined) check(child, before?.[name], childNode, below(name), errors);
  }
}

function checkCombined(value: Json, node: SchemaNode, path: string, errors: FieldError[]): void {
  for (const part of node.allOf) check(value, undefined, part, path, errors);
  const holds = (part: SchemaNode) => schemaErrors(value, undefined, part, path).length === 0;
  if (node.anyOf.length > 0 && !node.intOrString && !node.anyOf.some(holds)) {
    errors.push(invalid(path, '', `"${path}" must validate at least one schema (anyOf)`));
  }
  if (node.oneOf.length > 0 && node.oneOf.filter(holds).length !== 1) {
    const why = node.oneOf.some(holds) ? 'Found more than one valid alternative' : 'Found none valid';
    errors.push(invalid(path, '', `"${path}" must validate one and only one schema (oneOf). ${why}`));
  }
  if (node.not && holds(node.not)) {
    errors.push(invalid(path, '', `"${path}" must not validate the schema (not)`));
  }
}

/** Items that a list of type `map` or `set` holds twice. */
export function duplicateErrors(value: Json | undefined, node: SchemaNode, path: string): FieldError[] {
  const errors: FieldError[] = [];
  findDuplicates(value, node, path, errors);
  return errors;
}

function findDuplicates(value: Json | undefined, node: SchemaNode, path: string, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const seen = new Set<string>();
    for (const [index, item] of value.entries()) {
      const identity = listIdentity(node, item);
      if (identity !== undefined) {
        const text = JSON.stringify(identity);
        if (seen.has(text)) errors.push(fieldError('FieldValueDuplicate', `${path}[${index}]`, identity));
        seen.add(text);
      }
      if (node.items) findDuplicates(item, node.items, `${path}[${index}]`, errors);
    }
  } else if (isObject(value)) {
    for (const [name, child] of Object.entries(value)) {
      const childNode = node.properties.get(name) ?? node.additional;
      if (childNode) findDuplicates(child, childNode, path ? `${path}.${name}` : name, errors);
    }
  }
}

function listIdentity(node: SchemaNode, item: Json): Json | undefined {
  if (node.listType === 'set') return item;
  if (node.listType !== 'map' || !isObject(item)) return undefined;
  return Object.fromEntries(node.listMapKeys.map(key => [key, item[key] ?? null]));
}
