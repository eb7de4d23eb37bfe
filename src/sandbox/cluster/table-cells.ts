import { type ApiObject, asObject, isObject, type Json, readPath } from './json.ts';
import type { Column } from './kind.ts';

/** How long ago a time was, as kubectl says it: `5s`, `4m32s`, `3h`, `2d`; `<unknown>` where there is none. */
export function age(time: Json | undefined, nowMs: number): string {
  const atMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(atMs) ? '<unknown>' : shortDuration(nowMs - atMs);
}

/** A duration with at most two units, the way kubectl shortens it; clocks may differ by 2 s before it says `<invalid>`. */
export function shortDuration(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60 * 2) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 60 * 3) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (hours < 24 * 8) return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24)}d`;
  if (hours < 24 * 365 * 8) return pair(Math.floor(hours / 24 / 365), 'y', Math.floor(hours / 24) % 365, 'd');
  return `${Math.floor(hours / 24 / 365)}y`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}

/** A column that reads a JSON path of the kind that CRDs use: dots, `[index]`, `[*]` and `[?(@.key=="value")]`. */
export function columnFromPath(column: Omit<Column, 'cell'> & { path: string }): Column {
  const { path, ...rest } = column;
  const steps = parsePath(path);
  return {
    ...rest,
    cell(object, nowMs) {
      const values = follow([object], steps);
      if (values.length === 0) return null;
      return render(values[0]!, rest.type, nowMs);
    },
  };
}

type Step = { field: string } | { index: number } | { all: true } | { key: string; equals: string };

function parsePath(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = /\.?((?:\\.|[^.[\]])+)|\[(\d+)\]|\[\*\]|\[\?\(@\.([\w-]+)\s*==\s*["']([^"']*)["']\)\]/gy;
  const text = path.replace(/^\{?\.?/, '').replace(/\}$/, '');
  for (const match of text.matchAll(pattern)) {
    if (match[1] !== undefined) steps.push({ field: match[1].replace(/\\(.)/g, '$1') });
    else if (match[2] !== undefined) steps.push({ index: Number(match[2]) });
    else if (match[3] !== undefined) steps.push({ key: match[3], equals: match[4]! });
    else steps.push({ all: true });
  }
  return steps;
}

function follow(from: Json[], steps: readonly Step[]): Json[] {
  let values = from;
  for (const step of steps) {
    const next: Json[] = [];
    for (const value of values) {
      if ('field' in step) {
        if (isObject(value) && Object.hasOwn(value, step.field) && value[step.field] !== undefined) {
          next.push(value[step.field]!);
        }
      } else if (Array.isArray(value)) {
        if ('index' in step) next.push(...value.slice(step.index, step.index + 1));
        else if ('key' in step) next.push(...value.filter(item => asObject(item)[step.key] === step.equals));
        else next.push(...value);
      }
    }
    values = next;
  }
  return values;
}

function render(value: Json, type: string, nowMs: number): string | number | boolean | null {
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return age(value, nowMs);
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
  }
}

/** A column of text read by a function. */
export function textColumn(
  name: string,
  description: string,
  read: (object: ApiObject, nowMs: number) => string | number,
  priority = 0,
  type = 'string',
): Column {
  return { name, type, description, priority, cell: read };
}

/** `String()` would call a `toString` that the object brought along. */
function cellText(value: Json): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The text at a dotted path, or `<none>`. */
export function textAt(object: ApiObject, path: string): string {
  const value = readPath(object, path.split('.'));
  return value === undefined || value === null || value === '' ? '<none>' : cellText(value);
}
