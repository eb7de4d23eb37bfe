import type { AuthorizationRequest, Authorize } from './authorization.ts';

/** A document of IAM as a person writes it. */
export interface Policy {
  readonly Statement: readonly Statement[];
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** Policies by access key, which may be exchanged while the emulator runs. */
export interface PolicyStore {
  readonly authorize: Authorize;
  /** Replaces the policies of all principals; one that is not named may do anything. */
  set(policies: ReadonlyMap<string, Policy>): void;
  list(): Record<string, Policy>;
}

/** Holds principals to identity-based policies, as IAM does: an explicit deny wins, what nothing allows is refused. */
export function createPolicyStore(): PolicyStore {
  let policies: ReadonlyMap<string, Policy> = new Map();
  return {
    authorize(request) {
      const policy = policies.get(request.principal.slice(request.principal.lastIndexOf('/') + 1));
      return policy === undefined || isAllowed(policy, request);
    },
    set(given) {
      policies = given;
    },
    list: () => Object.fromEntries(policies),
  };
}

/** Whether a policy allows a call. */
export function isAllowed(policy: Policy, request: AuthorizationRequest): boolean {
  const matching = policy.Statement.filter(statement => applies(statement, request));
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

/**
 * Reads policies by access key from JSON. What the evaluator does not know is refused, never passed over: a condition
 * that is not looked at would allow what AWS refuses.
 */
export function readPolicies(
  value: unknown,
): { ok: true; policies: ReadonlyMap<string, Policy> } | { ok: false; message: string } {
  if (!isRecord(value)) return { ok: false, message: 'Wanted an object: access keys, and their policies.' };
  for (const [key, policy] of Object.entries(value)) {
    const problem = problemOf(policy);
    if (problem) return { ok: false, message: `Policy of ${key}: ${problem}` };
  }
  return { ok: true, policies: new Map(Object.entries(value) as [string, Policy][]) };
}

const statementFields = new Set(['Sid', 'Effect', 'Action', 'Resource', 'Condition']);

function problemOf(policy: unknown): string | undefined {
  if (!isRecord(policy) || !Array.isArray(policy.Statement)) return 'wanted a list Statement.';
  for (const statement of policy.Statement) {
    if (!isRecord(statement)) return 'a statement is no object.';
    const strange = Object.keys(statement).find(field => !statementFields.has(field));
    if (strange) return `the evaluator does not know ${strange}.`;
    if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') return 'Effect has to be Allow or Deny.';
    if (!isTexts(statement.Action) || !isTexts(statement.Resource)) return 'Action and Resource have to be texts.';
    const operator = Object.keys(statement.Condition ?? {}).find(name => !readOperator(name));
    if (operator) return `the evaluator does not know the condition ${operator}.`;
    const keys = Object.values(statement.Condition ?? {}).flatMap(values => Object.keys(values as object));
    const key = keys.find(name => !readKey(name));
    if (key) return `the evaluator does not know the condition key ${key}.`;
  }
  return undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown) => [value].flat().every(text => typeof text === 'string');

function applies(statement: Statement, request: AuthorizationRequest): boolean {
  return (
    many(statement.Action).some(pattern => wildcard(pattern.toLowerCase(), request.action.toLowerCase())) &&
    many(statement.Resource).some(pattern => wildcard(pattern, request.resource)) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => holds(operator, key, many(values), request)),
    )
  );
}

type Compare = (wanted: string, actual: string) => boolean;

const operators: Record<string, { compare: Compare; negated: boolean }> = {
  StringEquals: { compare: (wanted, actual) => wanted === actual, negated: false },
  StringNotEquals: { compare: (wanted, actual) => wanted === actual, negated: true },
  StringLike: { compare: wildcard, negated: false },
  StringNotLike: { compare: wildcard, negated: true },
  ArnEquals: { compare: wildcard, negated: false },
  ArnLike: { compare: wildcard, negated: false },
};

function readOperator(name: string) {
  const ifExists = name.endsWith('IfExists');
  const operator = operators[ifExists ? name.slice(0, -'IfExists'.length) : name];
  return operator && { ...operator, ifExists };
}

/** Where the value of a condition key is found. */
function readKey(key: string): ((request: AuthorizationRequest) => string | undefined) | undefined {
  const [name = '', tag] = splitOnce(key, '/');
  switch (name.toLowerCase()) {
    case 'aws:requesttag':
      return tag === undefined ? undefined : ({ requestTags }) => requestTags.get(tag);
    case 'aws:resourcetag':
    case 'elasticloadbalancing:resourcetag':
      return tag === undefined ? undefined : ({ resourceTags }) => resourceTags.get(tag);
    case 'elasticloadbalancing:createaction':
      return ({ createAction }) => createAction;
    default:
      return undefined;
  }
}

function splitOnce(text: string, at: string): [string, string?] {
  const found = text.indexOf(at);
  return found < 0 ? [text] : [text.slice(0, found), text.slice(found + 1)];
}

function holds(name: string, key: string, wanted: readonly string[], request: AuthorizationRequest): boolean {
  const operator = readOperator(name);
  const read = readKey(key);
  if (!operator || !read) return false;
  const actual = read(request);
  // What is absent equals nothing: it fails, and a negated operator holds.
  if (actual === undefined) return operator.ifExists || operator.negated;
  return wanted.some(value => operator.compare(value, actual)) !== operator.negated;
}

function many(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value;
}

/** `*` stands for any characters, colons and slashes too; `?` for one. */
function wildcard(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}
