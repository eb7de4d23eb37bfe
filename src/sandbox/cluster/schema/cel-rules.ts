import { type Environment, Optional } from '@marcbachmann/cel-js';
import { type FieldError, type FieldErrorType, fieldError } from '../api-error.ts';
import { deepEqual, isObject, type Json } from '../json.ts';
import { toCel } from './cel-values.ts';
import type { RuleSource, SchemaNode } from './schema-node.ts';
import { correlate } from './schema-validate.ts';

type Program = (variables: Record<string, unknown>) => unknown;

interface CompiledRule {
  source: RuleSource;
  program: Program;
  message: Program | undefined;
  usesOldSelf: boolean;
}

/** A rule that CEL can't compile, with its place in the CRD's schema. */
export interface RuleFault {
  path: string;
  rule: string;
  why: string;
}

/** The rules of one schema, compiled once. */
export interface CompiledRules {
  faults: RuleFault[];
  /**
   * The rules that `value` breaks. Rules naming `oldSelf` are judged only where there is a former value; a broken rule
   * without `oldSelf` whose value is unchanged is a warning, not an error.
   */
  errors(value: Json, old: Json | undefined): { errors: FieldError[]; warnings: string[] };
}

/** Compiles all rules below `root`. */
export function compileRules(environment: Environment, root: SchemaNode): CompiledRules {
  const compiled = new Map<SchemaNode, CompiledRule[]>();
  const faults: RuleFault[] = [];
  compileNode(environment, root, 'openAPIV3Schema', compiled, faults);
  return {
    faults,
    errors(value, old) {
      const found: Findings = { errors: [], warnings: [] };
      if (root.hasRules)
        judge({ compiled, found }, root, '', value, old, old !== undefined && deepEqual(value, old), true);
      return found;
    },
  };
}

interface Findings {
  errors: FieldError[];
  warnings: string[];
}

interface Run {
  compiled: Map<SchemaNode, CompiledRule[]>;
  found: Findings;
}

function compileNode(
  environment: Environment,
  node: SchemaNode,
  path: string,
  compiled: Map<SchemaNode, CompiledRule[]>,
  faults: RuleFault[],
): void {
  if (!node.hasRules) return;
  const rules: CompiledRule[] = [];
  for (const [index, source] of node.rules.entries()) {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    const program = compile(environment, source.rule, `${at}.rule`, faults);
    const message = source.messageExpression
      ? compile(environment, source.messageExpression, `${at}.messageExpression`, faults)
      : undefined;
    if (program) rules.push({ source, program, message, usesOldSelf: /\boldSelf\b/.test(source.rule) });
  }
  compiled.set(node, rules);
  for (const [name, child] of node.properties) {
    compileNode(environment, child, `${path}.properties[${name}]`, compiled, faults);
  }
  if (node.additional) compileNode(environment, node.additional, `${path}.additionalProperties`, compiled, faults);
  if (node.items) compileNode(environment, node.items, `${path}.items`, compiled, faults);
  for (const [index, part] of node.allOf.entries()) {
    compileNode(environment, part, `${path}.allOf[${index}]`, compiled, faults);
  }
}

function compile(environment: Environment, text: string, path: string, faults: RuleFault[]): Program | undefined {
  try {
    const parsed = environment.parse(text);
    const checked = parsed.check();
    if (checked.valid) return variables => parsed(variables);
    faults.push({ path, rule: text, why: checked.error?.message ?? 'unknown' });
  } catch (error) {
    faults.push({ path, rule: text, why: (error as Error).message });
  }
  return undefined;
}

/** `unchanged` is whether the nearest place with a known former value equals it. */
function judge(
  run: Run,
  node: SchemaNode,
  path: string,
  value: Json,
  old: Json | undefined,
  unchanged: boolean,
  isRoot: boolean,
): void {
  if (!node.hasRules || value === null) return;
  const rules = run.compiled.get(node);
  if (rules && rules.length > 0) judgeHere(run, rules, node, path, value, old, unchanged, isRoot);
  for (const part of node.allOf) judge(run, part, path, value, old, unchanged, isRoot);
  if (Array.isArray(value) && node.items) {
    const before = correlate(node, old);
    for (const [index, item] of value.entries()) {
      const oldItem = before(item);
      const same = oldItem === undefined ? unchanged : deepEqual(item, oldItem);
      judge(run, node.items, `${path}[${index}]`, item, oldItem, same, false);
    }
  } else if (isObject(value)) {
    const before = isObject(old) ? old : undefined;
    for (const [name, child] of Object.entries(value)) {
      const property = node.properties.get(name);
      const childNode = property ?? node.additional;
      if (!childNode?.hasRules || child === undefined) continue;
      const below = property ? (path ? `${path}.${name}` : name) : `${path}[${name}]`;
      const oldChild = before?.[name];
      const same = oldChild === undefined ? unchanged : deepEqual(child, oldChild);
      judge(run, childNode, below, child, oldChild, same, false);
    }
  }
}

function judgeHere(
  run: Run,
  rules: CompiledRule[],
  node: SchemaNode,
  path: string,
  value: Json,
  old: Json | undefined,
  unchanged: boolean,
  isRoot: boolean,
): void {
  const hasOld = old !== undefined && old !== null;
  const variables: Record<string, unknown> = { self: toCel(value, node, isRoot) };
  if (hasOld) variables.oldSelf = toCel(old, node, isRoot);
  const shown = isObject(value) || Array.isArray(value) ? undefined : value;
  for (const rule of rules) {
    const at = rule.source.fieldPath ? `${path}${rule.source.fieldPath}`.replace(/^\./, '') : path;
    if (rule.usesOldSelf && !hasOld && !rule.source.optionalOldSelf) continue;
    const given = rule.source.optionalOldSelf ? withOptionalOldSelf(variables) : variables;
    let holds: unknown;
    try {
      holds = rule.program(given);
    } catch (error) {
      const said = rule.source.message?.trim() || rule.source.rule.trim();
      const detail = `${faultWords((error as Error).message)} evaluating rule: ${said}`;
      run.found.errors.push(fieldError('FieldValueInvalid', path, node.type, detail));
      continue;
    }
    if (holds === true) continue;
    const broken = fieldError(errorType(rule.source.reason), at, shown, explain(rule, variables));
    if (!rule.usesOldSelf && unchanged) run.found.warnings.push(`${broken.field}: ${broken.body}`);
    else run.found.errors.push(broken);
  }
}

/** The failure of a running rule in the words of the server's CEL library, as far as they are known. */
function faultWords(message: string): string {
  const line = message.split('\n')[0]!;
  const index = /index out of bounds, index (-?\d+)/.exec(line);
  if (index) return `index out of bounds: ${index[1]}`;
  const conversion = /^(int|double|uint)\(\) type error/.exec(line);
  if (conversion) return `type conversion error from 'string' to '${conversion[1]}'`;
  return `${line[0]?.toLowerCase() ?? ''}${line.slice(1)}`;
}

function errorType(reason: string | undefined): FieldErrorType {
  switch (reason) {
    case 'FieldValueForbidden':
    case 'FieldValueRequired':
    case 'FieldValueDuplicate':
      return reason;
    default:
      return 'FieldValueInvalid';
  }
}

function explain(rule: CompiledRule, variables: Record<string, unknown>): string {
  if (rule.message) {
    try {
      const text = rule.message(variables);
      if (typeof text === 'string' && text.trim() !== '' && !text.trim().includes('\n')) return text.trim();
    } catch {
      // The real server falls back to the fixed message too.
    }
  }
  return rule.source.message?.trim() || `failed rule: ${rule.source.rule.trim()}`;
}

function withOptionalOldSelf(variables: Record<string, unknown>): Record<string, unknown> {
  return { ...variables, oldSelf: Optional.of(variables.oldSelf) };
}
