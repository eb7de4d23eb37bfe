import type { Json, JsonObject } from './json.ts';

/** What makes a field wrong, in Kubernetes' words; the cause's `reason` in a Status. */
export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueNotFound'
  | 'InternalError';

/** One wrong field: its path, and the message that follows the path. */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  body: string;
}

const words: Record<FieldErrorType, string> = {
  FieldValueRequired: 'Required value',
  FieldValueInvalid: 'Invalid value',
  FieldValueTypeInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  FieldValueNotFound: 'Not found',
  InternalError: 'Internal error',
};

const valueless = new Set<FieldErrorType>([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'InternalError',
]);

/** A field error; leave `value` out where the server shows none. */
export function fieldError(type: FieldErrorType, field: string, value: Json | undefined, detail = ''): FieldError {
  let body = words[type];
  if (!valueless.has(type) && value !== undefined) body += `: ${JSON.stringify(value)}`;
  if (detail) body += `: ${detail}`;
  return { type, field: field === '' ? '<nil>' : field, body };
}

export const required = (field: string, detail = '') => fieldError('FieldValueRequired', field, undefined, detail);
export const invalid = (field: string, value: Json | undefined, detail: string) =>
  fieldError('FieldValueInvalid', field, value, detail);
export const forbidden = (field: string, detail: string) => fieldError('FieldValueForbidden', field, undefined, detail);
export const notSupported = (field: string, value: Json, allowed: readonly string[]) =>
  fieldError(
    'FieldValueNotSupported',
    field,
    value,
    `supported values: ${allowed.map(item => JSON.stringify(item)).join(', ')}`,
  );

/** An answer other than success, as the Status object that a client reads. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  status(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason === '' ? {} : { reason: this.reason }),
      ...(this.details ? { details: this.details } : {}),
      code: this.code,
    };
  }
}

/** The names of a kind that error messages use. */
export interface NamedKind {
  group: string;
  kind: string;
  plural: string;
}

/** `pods`, or `nlbports.nlbports.dev`. */
export const groupResource = (kind: NamedKind): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural);
const groupKind = (kind: NamedKind): string => (kind.group ? `${kind.kind}.${kind.group}` : kind.kind);

function detailsOf(kind: NamedKind, name: string): JsonObject {
  return { ...(name ? { name } : {}), ...(kind.group ? { group: kind.group } : {}), kind: kind.plural };
}

export const notFound = (kind: NamedKind, name: string) =>
  new ApiError(404, 'NotFound', `${groupResource(kind)} "${name}" not found`, detailsOf(kind, name));

/** What the server says of a resource or subresource that its group does not have. */
export const noSuchResource = () =>
  new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});

/** What it says of a path that it does not know at all: text, no Status. */
export class NoSuchPath extends Error {
  override readonly message = '404 page not found\n';
}

export const alreadyExists = (kind: NamedKind, name: string, beingDeleted: boolean) =>
  new ApiError(
    409,
    'AlreadyExists',
    `${beingDeleted ? 'object is being deleted: ' : ''}${groupResource(kind)} "${name}" already exists`,
    detailsOf(kind, name),
  );

export const conflict = (kind: NamedKind, name: string, why: string) =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${groupResource(kind)} "${name}": ${why}`,
    detailsOf(kind, name),
  );

/** The words of a lost optimistic lock. */
export const staleVersion =
  'the object has been modified; please apply your changes to the latest version and try again';

export const badRequest = (message: string) => new ApiError(400, 'BadRequest', message);

export const forbiddenRequest = (kind: NamedKind, name: string, why: string, causes?: Json[]) =>
  new ApiError(403, 'Forbidden', `${groupResource(kind)} "${name}" is forbidden: ${why}`, {
    ...detailsOf(kind, name),
    ...(causes ? { causes } : {}),
  });

export const expired = (message: string) => new ApiError(410, 'Expired', message);

export const methodNotAllowed = () =>
  new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const unsupportedMediaType = (accepted: readonly string[]) =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );

/** Wrong fields; `kind` is undefined for the kindless errors of a patch. */
export function invalidObject(kind: NamedKind | undefined, name: string, errors: readonly FieldError[]): ApiError {
  const lines = [...new Set(errors.map(error => `${error.field}: ${error.body}`))];
  const aggregate = lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`;
  const details: JsonObject = {
    ...(name ? { name } : {}),
    ...(kind?.group ? { group: kind.group } : {}),
    ...(kind ? { kind: kind.kind } : {}),
    causes: errors.map(error => ({ reason: error.type, message: error.body, field: error.field })),
  };
  return new ApiError(422, 'Invalid', `${kind ? groupKind(kind) : ''} "${name}" is invalid: ${aggregate}`, details);
}

/** What this server does not imitate: an answer that the real one would never give, so that nobody is misled. */
export const notImplemented = (what: string, there = '') =>
  new ApiError(
    501,
    'NotImplemented',
    `The simulated Kubernetes API does not implement ${what}.${there === '' ? '' : ` What it has: ${there}.`}`,
  );

export const tooLarge = (what: string) =>
  new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: ${what}`);

/** A version was asked for that this server has not reached yet. */
export const futureVersion = (asked: number, current: number) =>
  new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
