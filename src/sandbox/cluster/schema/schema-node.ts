import { asList, asObject, asString, isObject, type Json, type JsonObject } from '../json.ts';

/** One CEL rule as the schema writes it. */
export interface RuleSource {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** One place of a structural schema, read once from the CRD. */
export interface SchemaNode {
  type: string;
  nullable: boolean;
  intOrString: boolean;
  preserveUnknown: boolean;
  embedded: boolean;
  properties: Map<string, SchemaNode>;
  additional: SchemaNode | undefined;
  /** `additionalProperties: true`. */
  anyAdditional: boolean;
  items: SchemaNode | undefined;
  required: string[];
  default: Json | undefined;
  listType: string | undefined;
  listMapKeys: string[];
  mapType: string | undefined;
  format: string | undefined;
  rules: RuleSource[];
  allOf: SchemaNode[];
  anyOf: SchemaNode[];
  oneOf: SchemaNode[];
  not: SchemaNode | undefined;
  enum: Json[] | undefined;
  pattern: RegExp | undefined;
  patternText: string;
  /** Numbers of `minimum`, `maxLength` and the like. */
  bounds: Bounds;
  description: string;
  /** True where this place or one below has a default: the rest is not walked. */
  hasDefaults: boolean;
  /** True where this place or one below has rules: the rest is not walked. */
  hasRules: boolean;
}

export interface Bounds {
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
}

const boundNames = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
] as const;

/** Reads an `openAPIV3Schema`. Throws a SyntaxError for a pattern that is no regular expression. */
export function readSchema(schema: Json | undefined): SchemaNode {
  const source = asObject(schema);
  const additionalSource = source.additionalProperties;
  const node: SchemaNode = {
    type: asString(source.type),
    nullable: source.nullable === true,
    intOrString: source['x-kubernetes-int-or-string'] === true,
    preserveUnknown: source['x-kubernetes-preserve-unknown-fields'] === true,
    embedded: source['x-kubernetes-embedded-resource'] === true,
    properties: new Map(Object.entries(asObject(source.properties)).map(([name, child]) => [name, readSchema(child)])),
    additional: isObject(additionalSource) ? readSchema(additionalSource) : undefined,
    anyAdditional: additionalSource === true,
    items: isObject(source.items) ? readSchema(source.items) : undefined,
    required: asList(source.required).map(asString),
    default: source.default,
    listType: optionalString(source['x-kubernetes-list-type']),
    listMapKeys: asList(source['x-kubernetes-list-map-keys']).map(asString),
    mapType: optionalString(source['x-kubernetes-map-type']),
    format: optionalString(source.format),
    rules: asList(source['x-kubernetes-validations']).filter(isObject).map(readRule),
    allOf: asList(source.allOf).map(readSchema),
    anyOf: asList(source.anyOf).map(readSchema),
    oneOf: asList(source.oneOf).map(readSchema),
    not: isObject(source.not) ? readSchema(source.not) : undefined,
    enum: Array.isArray(source.enum) ? source.enum : undefined,
    pattern: typeof source.pattern === 'string' ? new RegExp(source.pattern, 'u') : undefined,
    patternText: asString(source.pattern),
    bounds: readBounds(source),
    description: asString(source.description),
    hasDefaults: false,
    hasRules: false,
  };
  const below = [
    ...node.properties.values(),
    ...(node.additional ? [node.additional] : []),
    ...(node.items ? [node.items] : []),
  ];
  node.hasDefaults = below.some(child => child.default !== undefined || child.hasDefaults);
  node.hasRules = node.rules.length > 0 || [...below, ...node.allOf].some(child => child.hasRules);
  return node;
}

function optionalString(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function readRule(source: JsonObject): RuleSource {
  return {
    rule: asString(source.rule),
    ...(typeof source.message === 'string' ? { message: source.message } : {}),
    ...(typeof source.messageExpression === 'string' ? { messageExpression: source.messageExpression } : {}),
    ...(typeof source.reason === 'string' ? { reason: source.reason } : {}),
    ...(typeof source.fieldPath === 'string' ? { fieldPath: source.fieldPath } : {}),
    ...(source.optionalOldSelf === true ? { optionalOldSelf: true } : {}),
  };
}

function readBounds(source: JsonObject): Bounds {
  const bounds: Record<string, Json> = {};
  for (const name of boundNames) if (source[name] !== undefined) bounds[name] = source[name]!;
  return bounds as Bounds;
}
