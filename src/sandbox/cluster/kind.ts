import type { FieldError, NamedKind } from './api-error.ts';
import { builtInShape, type FieldShape } from './apply/field-shape.ts';
import type { ApiObject, JsonObject } from './json.ts';
import type { NameCheck } from './names.ts';
import type { FieldReader } from './selectors.ts';
import type { MergeShape } from './strategic-merge-patch.ts';

/** What reading a request's object came to; `unknown` are the paths of fields that the kind does not know. */
export interface Decoded {
  object: JsonObject;
  unknown: string[];
}

/** Errors refuse a write; warnings go to the client in a header. */
export interface Verdict {
  errors: FieldError[];
  warnings: string[];
}

/** One column of a kind's table, as kubectl prints it. */
export interface Column {
  name: string;
  type: string;
  format?: string;
  description: string;
  /** 0 is always shown, others with `-o wide`. */
  priority: number;
  cell(object: ApiObject, nowMs: number): string | number | boolean | null;
}

/**
 * One kind of one API version, with all that sets it apart. Objects are stored once per collection; a kind that shares
 * its collection with another version has `fromStored` and its `decode` turns what it reads into the stored form.
 */
export interface Kind extends NamedKind {
  version: string;
  /** `v1`, or `group/version`. */
  apiVersion: string;
  singular: string;
  listKind: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  collection: string;
  hasStatus: boolean;
  /** Undefined where the kind takes no strategic merge patch, as custom resources don't. */
  mergeShape: MergeShape | undefined;
  /** How its fields are owned, for server-side apply. */
  fieldShape: FieldShape;
  /** A finished DELETE answers with the object instead of a Status. */
  returnsDeleted: boolean;
  /** A PUT without resourceVersion overwrites whatever is there. */
  unconditionalUpdate: boolean;
  /** A PUT to a missing object creates it. */
  createOnUpdate: boolean;
  /** Fields to select by. */
  fields: Record<string, FieldReader>;
  checkName: NameCheck;
  /** Columns of a table, after the name, which stands first unless `nameFirst` is false. */
  columns: Column[];
  nameFirst: boolean;
  /** Reads what a client sent: drops unknown fields, fills defaults. Throws an ApiError where it can't be read. */
  decode(object: JsonObject): Decoded;
  /** Why the real server's decoder would fail on what a client sent, in its words. */
  undecodable?(object: JsonObject): string | undefined;
  fromStored?(object: ApiObject): ApiObject;
  prepareCreate(object: ApiObject): ApiObject;
  /** The next state by an update of the main resource, with what it must not change taken from `old`. */
  prepareUpdate(next: ApiObject, old: ApiObject): ApiObject;
  /** The same for the status subresource. */
  prepareStatus(next: ApiObject, old: ApiObject): ApiObject;
  /** Judges an object; `old` is its former state in an update. */
  judge(object: ApiObject, old: ApiObject | undefined, subresource: 'status' | undefined): Verdict;
  /** Seconds until a deletion may be carried out, where the kind is deleted gracefully. */
  graceSeconds?(object: ApiObject, askedSeconds: number | undefined): number;
  /** The object marked as being deleted, where a controller has to empty it before it may go. */
  beginRemoval?(object: ApiObject, now: string): ApiObject;
  /** Schema to publish, where there is one. */
  openApiSchema?: JsonObject;
}

/** The plain behaviour of a kind, to be spread under what sets it apart. */
export function plainKind(
  names: Pick<Kind, 'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'checkName'> & Partial<Kind>,
): Kind {
  const collection = names.group ? `${names.plural}.${names.group}` : names.plural;
  return {
    apiVersion: names.group ? `${names.group}/${names.version}` : names.version,
    singular: names.kind.toLowerCase(),
    listKind: `${names.kind}List`,
    shortNames: [],
    categories: [],
    collection,
    hasStatus: false,
    mergeShape: undefined,
    fieldShape: builtInShape(names.kind),
    returnsDeleted: false,
    unconditionalUpdate: true,
    createOnUpdate: false,
    columns: [],
    nameFirst: true,
    decode: object => ({ object, unknown: [] }),
    prepareCreate: object => object,
    prepareUpdate: next => next,
    prepareStatus: next => next,
    judge: () => ({ errors: [], warnings: [] }),
    ...names,
    fields: { ...metadataFields, ...names.fields },
  };
}

const metadataFields: Record<string, FieldReader> = {
  'metadata.name': object => object.metadata.name,
  'metadata.namespace': object => object.metadata.namespace ?? '',
};
