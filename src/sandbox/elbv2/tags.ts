import { AwsError, constraintError, validationError } from './aws-error.ts';
import type { Input } from './input.ts';
import type { XmlObject } from './xml.ts';

const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** The tags of a call, checked as the API model's `Tag` says; raises `DuplicateTagKeys` and validation errors. */
export function readTags(input: Input): Map<string, string> {
  const tags = new Map<string, string>();
  for (const tag of input.structs('Tags') ?? []) {
    const key = tag.requiredText('Key');
    const value = tag.text('Value', { max: 256 }) ?? '';
    tag.text('Key', { max: 128 });
    for (const text of [key, value]) {
      if (!allowed.test(text))
        throw constraintError(
          'tags',
          text,
          'Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$',
        );
    }
    if (key.toLowerCase().startsWith('aws:'))
      throw validationError('aws: prefixed tag key names are not allowed for external use');
    if (tags.has(key))
      throw new AwsError('DuplicateTagKeys', `Tag keys must be unique: '${key}' is given more than once`);
    tags.set(key, value);
  }
  return tags;
}

/** Raises `TooManyTags` where `count` is more than `limit`. */
export function checkTagCount(count: number, limit: number): void {
  if (count > limit) throw new AwsError('TooManyTags', `The maximum number of tags on a resource is ${limit}`);
}

/** Tags as a describe shows them. */
export function tagFields(tags: ReadonlyMap<string, string>): XmlObject[] {
  return Array.from(tags, ([Key, Value]) => ({ Key, Value }));
}
