import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { RoleRule } from '../../src/sandbox/cluster/roles.ts';
import { ablate } from './ablate.ts';
import { repository } from './guard.ts';
import { type RbacGuard, rbacGuards } from './rbac-guards.ts';

/**
 * `npm run ablate:rbac`: takes each verb of each rule out of the shipped roles, and shows the test that fails then.
 * Writes the table of docs/permissions.md; exit code 1 where a verb could be taken out and nothing noticed.
 */
process.exitCode = await ablate('RBAC', rbacGuards, (copy, guard) => {
  const text = readFileSync(join(repository, guard.manifest), 'utf8');
  copy.write(guard.manifest, without(text, guard));
  return () => copy.write(guard.manifest, text);
});

/** The manifest without that verb. Throws where it is not there exactly once. */
function without(text: string, { change, group, resource, verb }: RbacGuard): string {
  let found = 0;
  const objects = parseAllDocuments(text).map(document => document.toJS() as { rules?: RoleRule[] });
  for (const { rules = [] } of objects) {
    for (const rule of rules) {
      if (!rule.apiGroups.includes(group) || !rule.resources.includes(resource) || !rule.verbs.includes(verb)) continue;
      if (rule.resources.length > 1 || rule.apiGroups.length > 1)
        throw new Error(`${change}: the rule has two resources`);
      rule.verbs = rule.verbs.filter(other => other !== verb);
      found += 1;
    }
  }
  if (found !== 1) throw new Error(`${change}: granted ${found} times, once wanted`);
  return objects.map(object => stringify(object)).join('---\n');
}
