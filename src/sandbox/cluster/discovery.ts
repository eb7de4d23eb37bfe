import type { JsonObject } from './json.ts';
import type { Kind } from './kind.ts';

/** Version that `kubectl version` is told: the API is imitated after this one. */
export const imitatedVersion = 'v1.36.1';

/** `/version`. */
export function versionInfo(): JsonObject {
  const [, minor] = imitatedVersion.split('.');
  return {
    major: '1',
    minor: minor!,
    gitVersion: `${imitatedVersion}+nlbports-simulated`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '2026-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: '',
  };
}

/** `/api`: the versions of the core group. */
export function coreVersions(): JsonObject {
  return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
}

/** `/apis`: all groups but the core one. */
export function groupList(kinds: readonly Kind[]): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds).map(group => describeGroup(kinds, group)) };
}

/** `/apis/<group>`. */
export function groupInfo(kinds: readonly Kind[], group: string): JsonObject {
  return { kind: 'APIGroup', apiVersion: 'v1', ...describeGroup(kinds, group) };
}

const groupsOf = (kinds: readonly Kind[]): string[] =>
  [...new Set(kinds.map(kind => kind.group))].filter(group => group !== '');

function describeGroup(kinds: readonly Kind[], group: string): JsonObject {
  const versions = [...new Set(kinds.filter(kind => kind.group === group).map(kind => kind.version))].map(version => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0]! };
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** The same in the order that custom resources have. */
const customVerbs = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

function verbsOf(kind: Kind): string[] {
  if (kind.mergeShape === undefined) return customVerbs;
  const oneByOne = kind.group === '' && kind.plural === 'namespaces';
  return oneByOne ? verbs.filter(verb => verb !== 'deletecollection') : verbs;
}

/** `/api/v1` and `/apis/<group>/<version>`: the resources and what can be done with them. */
export function resourceList(kinds: readonly Kind[], group: string, version: string): JsonObject {
  const resources: JsonObject[] = [];
  for (const kind of kinds) {
    if (kind.group !== group || kind.version !== version) continue;
    const base = { singularName: '', namespaced: kind.namespaced, kind: kind.kind };
    resources.push({
      name: kind.plural,
      ...base,
      singularName: kind.singular,
      verbs: verbsOf(kind),
      ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    });
    if (kind.hasStatus) resources.push({ name: `${kind.plural}/status`, ...base, verbs: ['get', 'patch', 'update'] });
    if (kind.plural === 'pods' && kind.group === '') {
      resources.push({ name: 'pods/binding', ...base, kind: 'Binding', verbs: ['create'] });
    }
  }
  const groupVersion = group ? `${group}/${version}` : version;
  return { kind: 'APIResourceList', ...(group ? { apiVersion: 'v1' } : {}), groupVersion, resources };
}
