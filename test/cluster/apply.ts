import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { eventually } from './eventually.ts';
import type { AnyObject, Rest } from './rest.ts';

/**
 * Applies objects in their order by server-side apply, refusing unknown fields; a CustomResourceDefinition is waited
 * for until it is served. Objects of namespaced kinds without a namespace go to `default`.
 */
export async function applyObjects(rest: Rest, objects: AnyObject[]): Promise<AnyObject[]> {
  const applied: AnyObject[] = [];
  for (const object of objects) {
    const path = await objectPath(rest, object);
    applied.push(await rest.patch(path, 'apply', object, { fieldManager: 'cluster-test', force: 'true' }));
    if (object.kind === 'CustomResourceDefinition') await waitUntilServed(rest, path);
  }
  return applied;
}

/** Applies every YAML file named, and of every folder named the files in it and below, by name. */
export async function applyFiles(rest: Rest, ...paths: string[]): Promise<AnyObject[]> {
  return await applyObjects(rest, inOrderOfNeed(paths.flatMap(listYaml).flatMap(readYaml)));
}

/** The objects of a YAML file with one or several documents. */
export function readYaml(file: string): AnyObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).flatMap(document => {
    if (document.errors.length > 0) throw new Error(`Cannot read "${file}": ${document.errors[0]?.message}`);
    const object = document.toJS() as AnyObject | null;
    return object === null ? [] : [object];
  });
}

function listYaml(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const inner = join(path, entry.name);
      return entry.isDirectory() ? listYaml(inner) : /\.ya?ml$/.test(entry.name) ? [inner] : [];
    });
}

/** As kubectl does with a folder: namespaces and definitions before what lives in them. */
function inOrderOfNeed(objects: AnyObject[]): AnyObject[] {
  const rank = (object: AnyObject) => ['Namespace', 'CustomResourceDefinition'].indexOf(object.kind) + 1 || 3;
  return objects.toSorted((a, b) => rank(a) - rank(b));
}

/** Where an object lives, asked of the API server's discovery: `/apis/apps/v1/namespaces/x/deployments/y`. */
export async function objectPath(rest: Rest, object: AnyObject): Promise<string> {
  const group: string = object.apiVersion;
  const root = group.includes('/') ? `/apis/${group}` : `/api/${group}`;
  const { resources } = await rest.get(root);
  const resource = resources.find((r: AnyObject) => r.kind === object.kind && !r.name.includes('/'));
  if (resource === undefined) throw new Error(`Cannot apply a ${object.kind}: ${group} does not serve this kind.`);
  const namespace = resource.namespaced ? `/namespaces/${object.metadata.namespace ?? 'default'}` : '';
  return `${root}${namespace}/${resource.name}/${object.metadata.name}`;
}

async function waitUntilServed(rest: Rest, path: string): Promise<void> {
  await eventually(async () => {
    const definition = await rest.get(path);
    const established = definition.status?.conditions?.find((c: AnyObject) => c.type === 'Established');
    if (established?.status !== 'True') throw new Error(`${definition.metadata.name} is not established.`);
    const { group, names, versions } = definition.spec;
    for (const version of versions) {
      if (!version.served) continue;
      await rest.get(`/apis/${group}/${version.name}/${names.plural}`, { limit: '1' });
      // Discovery, by which objects are applied, follows on its own.
      const { resources } = await rest.get(`/apis/${group}/${version.name}`);
      const isDiscovered = resources.some(({ name }: AnyObject) => name === names.plural);
      if (!isDiscovered) throw new Error(`${definition.metadata.name} is not discovered.`);
    }
  }, 30_000);
}
