import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { type Grant, grantsOf } from '../sandbox/cluster/roles.ts';

const repository = new URL('../../', import.meta.url);

/** What the operator's service account may do by deploy/rbac.yaml, and by `more` files of the repository. */
export function shippedGrants(more: readonly string[] = []): Grant[] {
  const manifests = ['deploy/rbac.yaml', ...more].flatMap(file =>
    parseAllDocuments(readFileSync(new URL(file, repository), 'utf8')).map(document => document.toJS() as object),
  );
  return grantsOf(manifests, { namespace: 'nlbports-system', name: 'nlbports' });
}
