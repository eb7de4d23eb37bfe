import type { XmlObject } from '../xml.ts';

/** One thing that EC2 lists: its fields as shown, and what each filter compares. */
export interface Ec2Item {
  readonly fields: XmlObject;
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

/** Tags as EC2 shows them. */
export function tagSet(tags: Readonly<Record<string, string>>): XmlObject[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

/** The filters that every tagged thing has: `tag:<key>`, `tag-key`. */
export function tagFilters(tags: Readonly<Record<string, string>>): Record<string, string[]> {
  const filters: Record<string, string[]> = { 'tag-key': Object.keys(tags) };
  for (const [key, value] of Object.entries(tags)) filters[`tag:${key}`] = [value];
  return filters;
}
