import type { Kind } from './kind.ts';

/** Which kinds are served, by group, version and plural. */
export interface KindRegistry {
  find(group: string, version: string, plural: string): Kind | undefined;
  /** All kinds in the order of their registration. */
  all(): readonly Kind[];
  add(kind: Kind): void;
  /** Takes away every version of a group's plural. */
  remove(group: string, plural: string): void;
  hasGroup(group: string): boolean;
}

/** Makes a registry of the kinds given. */
export function createKindRegistry(kinds: readonly Kind[]): KindRegistry {
  const byPlace = new Map<string, Kind>();
  const place = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`;
  const registry: KindRegistry = {
    find: (group, version, plural) => byPlace.get(place(group, version, plural)),
    all: () => [...byPlace.values()],
    add: kind => byPlace.set(place(kind.group, kind.version, kind.plural), kind),
    remove(group, plural) {
      for (const [key, kind] of byPlace) if (kind.group === group && kind.plural === plural) byPlace.delete(key);
    },
    hasGroup: group => registry.all().some(kind => kind.group === group),
  };
  for (const kind of kinds) registry.add(kind);
  return registry;
}
