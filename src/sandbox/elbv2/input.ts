import { AwsError, constraintError } from './aws-error.ts';

/** The parameters of one call of the query protocol, read by name and checked against the API model's bounds. */
export interface Input {
  has(name: string): boolean;
  text(name: string, bounds?: { min?: number; max?: number }): string | undefined;
  requiredText(name: string): string;
  integer(name: string, bounds: { min: number; max: number }): number | undefined;
  boolean(name: string): boolean | undefined;
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined;
  /** A list of texts: undefined where it was left out, empty where it was given empty. */
  texts(name: string): string[] | undefined;
  /** A list of structures: undefined where it was left out. */
  structs(name: string): Input[] | undefined;
  struct(name: string): Input | undefined;
}

interface Node {
  value?: string;
  children?: Map<string, Node>;
}

// The deepest structure of this API (an action's forward config) has seven parts with its list indices.
const maxDepth = 12;

/** How a service writes the members of a list: `Targets.member.1` as ELBv2 does, or flat, `SubnetId.1`, as EC2. */
export type ListStyle = 'member' | 'flat';

/** Reads a form body or a query string (`Action=…&Targets.member.1.Id=…`). */
export function parseInput(form: string, lists: ListStyle = 'member'): Input {
  const root: Node = {};
  for (const [key, value] of new URLSearchParams(form)) {
    const parts = key.split('.');
    if (parts.length > maxDepth)
      throw new AwsError('MalformedQueryString', `The parameter ${key.slice(0, 100)} is nested too deeply`);
    let node = root;
    for (const part of parts) {
      node.children ??= new Map();
      let child = node.children.get(part);
      if (!child) {
        child = {};
        node.children.set(part, child);
      }
      node = child;
    }
    node.value = value;
  }
  return inputOf(root, '', lists);
}

function inputOf(node: Node, path: string, lists: ListStyle): Input {
  const child = (name: string) => node.children?.get(name);
  const full = (name: string) => (path === '' ? name : `${path}.${name}`);
  const text = (name: string) => child(name)?.value;

  /** The members of a list in the order of their numbers, which need not be gapless. */
  function members(name: string): [string, Node][] | undefined {
    const list = child(name);
    if (!list) return undefined;
    const numbered = lists === 'member' ? list.children?.get('member')?.children : list.children;
    const found = [...(numbered ?? [])].filter(([index]) => /^[1-9]\d{0,6}$/.test(index));
    return found.sort((a, b) => Number(a[0]) - Number(b[0]));
  }

  return {
    has: name => child(name) !== undefined,
    text(name, bounds = {}) {
      const value = text(name);
      if (value === undefined) return undefined;
      if (bounds.min !== undefined && value.length < bounds.min) {
        throw constraintError(full(name), value, `Member must have length greater than or equal to ${bounds.min}`);
      }
      if (bounds.max !== undefined && value.length > bounds.max) {
        throw constraintError(full(name), value, `Member must have length less than or equal to ${bounds.max}`);
      }
      return value;
    },
    requiredText(name) {
      const value = text(name);
      if (value === undefined || value === '') throw constraintError(full(name), null, 'Member must not be null');
      return value;
    },
    integer(name, { min, max }) {
      const value = text(name);
      if (value === undefined) return undefined;
      if (!/^[+-]?\d{1,15}$/.test(value))
        throw new AwsError('MalformedInput', `Cannot read '${value}' at '${full(name)}' as an integer`);
      const number = Number(value);
      if (number < min)
        throw constraintError(full(name), value, `Member must have value greater than or equal to ${min}`);
      if (number > max) throw constraintError(full(name), value, `Member must have value less than or equal to ${max}`);
      return number;
    },
    boolean(name) {
      const value = text(name);
      if (value === undefined) return undefined;
      if (value !== 'true' && value !== 'false') {
        throw new AwsError('MalformedInput', `Cannot read '${value}' at '${full(name)}' as a boolean`);
      }
      return value === 'true';
    },
    choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
      const value = text(name);
      if (value === undefined) return undefined;
      if (!choices.includes(value as T)) {
        throw constraintError(full(name), value, `Member must satisfy enum value set: [${choices.join(', ')}]`);
      }
      return value as T;
    },
    texts: name => members(name)?.map(([, member]) => member.value ?? ''),
    structs: name => members(name)?.map(([index, member]) => inputOf(member, `${full(name)}.${index}.member`, lists)),
    struct(name) {
      const found = child(name);
      return found ? inputOf(found, full(name), lists) : undefined;
    },
  };
}
