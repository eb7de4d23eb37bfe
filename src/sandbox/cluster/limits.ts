import type { Json } from './json.ts';

/** kube-apiserver's limit for one request's body, and for what the copies of one JSON patch may add up to. */
export const maxBodyBytes = 3 * 1024 * 1024;

/** etcd's `--max-request-bytes`: what is stored of one object can't be larger. */
export const maxStoredBytes = 1.5 * 1024 * 1024;

/** YAML that is no JSON costs some milliseconds of the only thread for each KiB: a limit of our own. */
export const maxYamlBytes = 1024 * 1024;

/** How deep values may nest. A real API server reads 10,000; the stack here would not hold that. */
export const maxDepth = 500;

/** True where lists and objects nest deeper than `maxDepth`, counted from `depth`. */
export function isTooDeep(value: Json | undefined, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === maxDepth) return true;
  for (const child of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof child === 'object' && isTooDeep(child, depth + 1)) return true;
  }
  return false;
}

/** False where the text of a value has too few brackets for a value that is too deep: most have. */
export function mayBeTooDeep(text: string): boolean {
  if (text.length <= maxDepth) return false;
  let brackets = 0;
  for (const bracket of ['[', '{']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++brackets > maxDepth) return true;
    }
  }
  return false;
}

/**
 * About how many bytes the value's JSON has, counted up to `limit`: it stops there, because a value whose parts are
 * shared can have a text that no memory holds. The value must not be too deep.
 */
export function jsonBytes(value: Json | undefined, limit: number): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 3;
  if (typeof value !== 'object' || value === null) return 5;
  let bytes = 2;
  for (const [key, child] of Object.entries(value)) {
    if (bytes > limit) break;
    bytes += (Array.isArray(value) ? 0 : key.length + 3) + jsonBytes(child, limit - bytes);
  }
  return bytes;
}
