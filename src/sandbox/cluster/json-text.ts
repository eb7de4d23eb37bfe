import type { ApiObject } from './json.ts';

const encoder = new TextEncoder();
const wholes = new WeakMap<ApiObject, string>();
const items = new WeakMap<ApiObject, string>();

/** The object's JSON, made once: stored objects never change. */
export function textOf(object: ApiObject): string {
  let text = wholes.get(object);
  if (text === undefined) {
    text = JSON.stringify(object);
    wholes.set(object, text);
  }
  return text;
}

/** The same as an item of a built-in kind's list, which names neither `kind` nor `apiVersion`. */
export function itemTextOf(object: ApiObject): string {
  let text = items.get(object);
  if (text === undefined) {
    const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
    text = JSON.stringify(rest);
    items.set(object, text);
  }
  return text;
}

/** UTF-8 bytes. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
