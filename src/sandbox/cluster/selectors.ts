import type { ApiObject } from './json.ts';

/** Says whether an object is among those asked for. */
export type Matcher = (object: ApiObject) => boolean;

export type Parsed<T> = { ok: true; value: T } | { ok: false; message: string };

const keyPattern = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const valuePattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Parses a label selector of every form: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a>1`, `a<1`. */
export function parseLabelSelector(text: string): Parsed<Matcher | undefined> {
  const tests: ((labels: Record<string, string>) => boolean)[] = [];
  for (const part of splitOutsideParentheses(text)) {
    const term = part.trim();
    if (term === '') {
      if (text.trim() === '') continue;
      return fail(text, "found '', expected: identifier after ','");
    }
    const test = parseTerm(term);
    if (typeof test === 'string') return fail(text, test);
    tests.push(test);
  }
  if (tests.length === 0) return { ok: true, value: undefined };
  const none: Record<string, string> = {};
  return {
    ok: true,
    value: object => {
      const labels = object.metadata.labels ?? none;
      for (const test of tests) if (!test(labels)) return false;
      return true;
    },
  };
}

const fail = (_text: string, why: string): { ok: false; message: string } => ({
  ok: false,
  message: `unable to parse requirement: ${why}`,
});

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '(') depth++;
    else if (text[index] === ')') depth--;
    else if (text[index] === ',' && depth <= 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

type LabelTest = (labels: Record<string, string>) => boolean;

function parseTerm(term: string): LabelTest | string {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(term);
  if (set) {
    const [, key, operator, list] = set as unknown as [string, string, string, string];
    const values = new Set(list.split(',').map(value => value.trim()));
    const wrong = checkTerm(key, [...values]);
    if (wrong) return wrong;
    if (operator === 'in') return labels => Object.hasOwn(labels, key) && values.has(labels[key]!);
    return labels => !Object.hasOwn(labels, key) || !values.has(labels[key]!);
  }
  const order = /^([^\s<>]+)\s*([<>])\s*(\S+)$/.exec(term);
  if (order) {
    const [, key, operator, bound] = order as unknown as [string, string, string, string];
    if (!/^-?\d+$/.test(bound))
      return `values[0][${key}]: Invalid value: "${bound}": for 'Gt', 'Lt' operators, the value must be an integer`;
    return labels => {
      if (!Object.hasOwn(labels, key) || !/^-?\d+$/.test(labels[key]!)) return false;
      return operator === '>' ? Number(labels[key]) > Number(bound) : Number(labels[key]) < Number(bound);
    };
  }
  const equality = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (equality) {
    const [, key, operator, value] = equality as unknown as [string, string, string, string];
    const wrong = checkTerm(key, [value]);
    if (wrong) return wrong;
    if (operator === '!=') return labels => labels[key] !== value;
    return labels => Object.hasOwn(labels, key) && labels[key] === value;
  }
  const absent = /^!\s*(\S+)$/.exec(term);
  const key = absent ? absent[1]! : term;
  const wrong = checkTerm(key, []);
  if (wrong) return wrong;
  return absent ? labels => !Object.hasOwn(labels, key) : labels => Object.hasOwn(labels, key);
}

function checkTerm(key: string, values: string[]): string | undefined {
  if (!keyPattern.test(key))
    return `key: Invalid value: ${JSON.stringify(key)}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`;
  const bad = values.find(value => !valuePattern.test(value));
  if (bad !== undefined)
    return `values[0][${key}]: Invalid value: ${JSON.stringify(bad)}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`;
  return undefined;
}

/** Reads the value of a selectable field; undefined means that the kind has no such field. */
export type FieldReader = (object: ApiObject) => string;

/** One term of a field selector, such as `spec.nodeName=` or `status.phase!=Running`. */
export interface FieldTerm {
  field: string;
  equal: boolean;
  value: string;
}

/** Parses a field selector into its terms; `\\`, `\,` and `\=` in values are unescaped. */
export function parseFieldSelector(text: string): Parsed<FieldTerm[]> {
  const terms: FieldTerm[] = [];
  for (const part of text.split(/(?<!\\),/)) {
    if (part === '') continue;
    const match = /^([^=!]+)(==|=|!=)(.*)$/s.exec(part);
    if (!match) return { ok: false, message: `invalid selector: '${text}'; can't understand '${part}'` };
    const value = match[3]!;
    if (/(?<!\\)=/.test(value))
      return { ok: false, message: `invalid selector: '${text}'; can't understand '${part}'` };
    terms.push({ field: match[1]!, equal: match[2] !== '!=', value: value.replace(/\\([\\,=])/g, '$1') });
  }
  return { ok: true, value: terms };
}

/** The matcher of a field selector's terms; `readers` are the fields that may be selected by, `refusal` the words for others. */
export function fieldMatcher(
  terms: readonly FieldTerm[],
  readers: Record<string, FieldReader>,
  refusal: (field: string) => string,
): Parsed<Matcher | undefined> {
  for (const { field } of terms) {
    if (!Object.hasOwn(readers, field)) return { ok: false, message: refusal(field) };
  }
  if (terms.length === 0) return { ok: true, value: undefined };
  const tests = terms.map(term => ({ ...term, read: readers[term.field]! }));
  return {
    ok: true,
    value: object => {
      for (const { read, equal, value } of tests) if ((read(object) === value) !== equal) return false;
      return true;
    },
  };
}
