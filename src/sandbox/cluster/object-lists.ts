import { badRequest, expired, futureVersion } from './api-error.ts';
import type { ApiObject } from './json.ts';
import type { Kind } from './kind.ts';
import type { ListMeta } from './object-format.ts';
import { type ListOptions, parseVersion } from './request-options.ts';
import { fieldMatcher, type Matcher, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { type Store, type Stored, storeKey } from './store.ts';

/** A page of a list. */
export interface Page {
  objects: ApiObject[];
  meta: ListMeta;
}

/** What a list or watch is narrowed to; a scope that is undefined is all namespaces. */
export interface Selection {
  namespace: string | undefined;
  name: string | undefined;
  matches: Matcher | undefined;
}

/** Reads the selectors. Throws a 400 for those that can't be read or select by an unknown field. */
export function readSelection(kind: Kind, namespace: string | undefined, options: ListOptions): Selection {
  const labels = parseLabelSelector(options.labelSelector);
  if (!labels.ok) throw badRequest(labels.message);
  const terms = parseFieldSelector(options.fieldSelector);
  if (!terms.ok) throw badRequest(terms.message);
  const selection: Selection = { namespace, name: undefined, matches: undefined };
  const rest = terms.value.filter(({ field, equal, value }) => {
    // Selecting by name or namespace narrows what is walked.
    if (field === 'metadata.name' && equal && (selection.name ?? value) === value) selection.name = value;
    else if (field === 'metadata.namespace' && equal && kind.namespaced && (selection.namespace ?? value) === value) {
      selection.namespace = value;
    } else return true;
    return false;
  });
  const fields = fieldMatcher(rest, kind.fields, field => unknownField(kind, field));
  if (!fields.ok) throw badRequest(fields.message);
  const tests = [labels.value, fields.value].filter(test => test !== undefined);
  if (tests.length > 0)
    selection.matches = tests.length === 1 ? tests[0]! : object => tests.every(test => test(object));
  return selection;
}

/** The server words it in two ways: kinds with fields of their own in the first. */
function unknownField(kind: Kind, field: string): string {
  const known = Object.keys(kind.fields);
  if (known.length > 2 || kind.mergeShape === undefined) return `field label not supported: ${field}`;
  return `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** True where the object is selected. */
export function isSelected(object: ApiObject, { namespace, name, matches }: Selection): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  if (name !== undefined && object.metadata.name !== name) return false;
  return matches === undefined || matches(object);
}

interface Token {
  version: number;
  /** Key of the last object of the page before. */
  after: string;
}

const writeToken = ({ version, after }: Token): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: version, start: after })).toString('base64url');

function readToken(text: string): Token {
  try {
    const parsed = JSON.parse(Buffer.from(text, 'base64url').toString()) as { v: unknown; rv: unknown; start: unknown };
    if (parsed.v !== 'meta.k8s.io/v1' || typeof parsed.rv !== 'number' || typeof parsed.start !== 'string')
      throw new Error();
    return { version: parsed.rv, after: parsed.start };
  } catch {
    throw badRequest('invalid continue token: continue key is not valid: it is not one of this server');
  }
}

const expiredToken =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** Lists objects as of one version, page by page. Throws a 410 where that version's past is forgotten. */
export function listObjects(store: Store, kind: Kind, selection: Selection, options: ListOptions): Page {
  const collection = store.collection(kind.collection);
  const token = options.continueToken ? readToken(options.continueToken) : undefined;
  if (token && options.resourceVersion && options.resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const asked = options.resourceVersion && !token ? parseVersion(options.resourceVersion, 'list') : 0;
  if (asked > store.version) throw futureVersion(asked, store.version);
  const exact = options.match === 'Exact' || (options.limit > 0 && asked > 0 && options.match === '');
  const version = token && token.version > 0 ? token.version : exact && asked > 0 ? asked : store.version;

  let stored: readonly Stored[] | undefined;
  if (
    selection.name !== undefined &&
    (selection.namespace !== undefined || !kind.namespaced) &&
    version === store.version
  ) {
    const one = collection.get(selection.namespace, selection.name);
    stored = one ? [one] : [];
  } else if (version === store.version) stored = collection.list(selection.namespace);
  else stored = collection.listAt(version, selection.namespace);
  if (!stored) {
    if (token)
      throw Object.assign(expired(expiredToken), { continueToken: writeToken({ version: -1, after: token.after }) });
    throw expired(`The resourceVersion for the provided list is too old.`);
  }

  const objects: ApiObject[] = [];
  let from = token ? firstAfter(stored, token.after) : 0;
  for (; from < stored.length; from++) {
    const { object } = stored[from]!;
    if (!isSelected(object, selection)) continue;
    if (options.limit > 0 && objects.length === options.limit) break;
    objects.push(object);
  }
  const meta: ListMeta = { resourceVersion: String(version) };
  if (from < stored.length) {
    const last = objects.at(-1)!.metadata;
    meta.continue = writeToken({ version, after: storeKey(last.namespace, last.name) });
    // With a selector the server does not know how many are left.
    if (!selection.matches && selection.name === undefined) meta.remainingItemCount = stored.length - from;
  }
  return { objects, meta };
}

function firstAfter(stored: readonly Stored[], key: string): number {
  let low = 0;
  let high = stored.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stored[middle]!.key <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
