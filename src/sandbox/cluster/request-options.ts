import { ApiError, badRequest, fieldError, forbidden, invalidObject, notSupported } from './api-error.ts';
import { asObject, asString, isObject, type Json, type JsonObject } from './json.ts';

/** What happens with fields that the kind does not know. */
export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** Options that every write takes. */
export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
  fieldManager: string;
}

const metaKind = (kind: string) => ({ group: 'meta.k8s.io', kind, plural: '' });

/** Reads `dryRun`, `fieldValidation` and `fieldManager` of a query. Throws a 422 for values that do not exist. */
export function readWriteOptions(query: URLSearchParams, kind: string, userAgent: string): WriteOptions {
  const dryRun = query.getAll('dryRun');
  const validation = query.get('fieldValidation') ?? '';
  const errors = [];
  if (dryRun.some(value => value !== 'All')) errors.push(notSupported('dryRun', dryRun, ['All']));
  if (!['', 'Ignore', 'Warn', 'Strict'].includes(validation)) {
    errors.push(notSupported('fieldValidation', validation, ['', 'Ignore', 'Strict', 'Warn']));
  }
  const manager = query.get('fieldManager') ?? '';
  if (manager.length > 128) {
    errors.push(fieldError('FieldValueTooLong', 'fieldManager', undefined, 'may not be more than 128 bytes'));
  }
  if (errors.length > 0) throw invalidObject(metaKind(kind), '', errors);
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: (validation || 'Warn') as FieldValidation,
    fieldManager: manager || (userAgent.split('/')[0] ?? ''),
  };
}

/** Options of a deletion. */
export interface DeleteOptions {
  dryRun: boolean;
  graceSeconds: number | undefined;
  uid: string | undefined;
  resourceVersion: string | undefined;
  propagation: 'Orphan' | 'Background' | 'Foreground' | undefined;
}

/** Reads a deletion's options from its body, or from the query where it has none. */
export function readDeleteOptions(body: Json | undefined, query: URLSearchParams): DeleteOptions {
  if (body !== undefined && !isObject(body)) throw badRequest('the deletion options must be an object');
  const given: JsonObject = body ?? {};
  const preconditions = asObject(given.preconditions);
  const fromQuery = body === undefined;
  const grace = fromQuery ? numberOf(query.get('gracePeriodSeconds')) : given.gracePeriodSeconds;
  const propagation = fromQuery ? (query.get('propagationPolicy') ?? undefined) : given.propagationPolicy;
  const dryRun = fromQuery ? query.getAll('dryRun') : given.dryRun;
  const orphan = fromQuery ? undefined : given.orphanDependents;
  if (grace !== undefined && grace !== null && (typeof grace !== 'number' || !Number.isInteger(grace))) {
    throw badRequest('gracePeriodSeconds must be an integer');
  }
  if (propagation !== undefined && propagation !== null) {
    if (!['Foreground', 'Background', 'Orphan'].includes(asString(propagation))) {
      throw invalidObject(metaKind('DeleteOptions'), '', [
        notSupported('propagationPolicy', propagation, ['Foreground', 'Background', 'Orphan', 'nil']),
      ]);
    }
  }
  if (Array.isArray(dryRun) && dryRun.some(value => value !== 'All')) {
    throw invalidObject(metaKind('DeleteOptions'), '', [notSupported('dryRun', dryRun, ['All'])]);
  }
  return {
    dryRun: Array.isArray(dryRun) && dryRun.length > 0,
    graceSeconds: typeof grace === 'number' ? grace : undefined,
    uid: typeof preconditions.uid === 'string' ? preconditions.uid : undefined,
    resourceVersion: typeof preconditions.resourceVersion === 'string' ? preconditions.resourceVersion : undefined,
    propagation: (propagation ?? (orphan === true ? 'Orphan' : undefined)) as DeleteOptions['propagation'],
  };
}

/** Options of a list or a watch. */
export interface ListOptions {
  labelSelector: string;
  fieldSelector: string;
  limit: number;
  continueToken: string;
  resourceVersion: string;
  match: '' | 'Exact' | 'NotOlderThan';
  watch: boolean;
  bookmarks: boolean;
  sendInitialEvents: boolean | undefined;
  timeoutSeconds: number | undefined;
}

/** Reads the query of a list or watch. Throws a 400 for what can't be read, a 422 for what does not go together. */
export function readListOptions(query: URLSearchParams): ListOptions {
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: numberOf(query.get('limit')) ?? 0,
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    match: match as ListOptions['match'],
    watch: booleanOf(query.get('watch')),
    bookmarks: booleanOf(query.get('allowWatchBookmarks')),
    sendInitialEvents: initial === null || initial === '' ? undefined : booleanOf(initial),
    timeoutSeconds: numberOf(query.get('timeoutSeconds')),
  };
  const errors = options.watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalidObject(metaKind('ListOptions'), '', errors);
  return options;
}

function listErrors(options: ListOptions) {
  const errors = [];
  const { match } = options;
  if (match) {
    if (!options.resourceVersion) {
      errors.push(
        forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    }
    if (options.continueToken) {
      errors.push(forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(
        forbidden('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      );
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function watchErrors({ match, sendInitialEvents }: ListOptions) {
  const errors = [];
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(
      forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  }
  if (match) {
    if (sendInitialEvents === undefined) {
      errors.push(
        forbidden(
          'resourceVersionMatch',
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
    }
    if (match !== 'NotOlderThan') errors.push(notSupported('resourceVersionMatch', match, ['NotOlderThan']));
  }
  return errors;
}

function numberOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  return Number(text);
}

function booleanOf(text: string | null): boolean {
  return text !== null && text !== 'false' && text !== '0';
}

/**
 * A resourceVersion as a number. Throws where it is none, as the server does: a 400 for lists and writes, a 500 for
 * watches.
 */
export function parseVersion(text: string, verb: 'list' | 'watch' | 'write'): number {
  const digits = /^\d+$/.test(text);
  if (digits && (text.length < 20 || BigInt(text.slice(0, 1_000)) < 2n ** 64n)) return Number(text);
  const problem = digits ? 'value out of range' : 'invalid syntax';
  const why = `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: ${problem}`;
  if (verb === 'list') throw badRequest(`invalid resource version: ${why}`);
  throw new ApiError(500, '', why);
}
