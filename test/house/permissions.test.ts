import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { iamPolicy, policyTemplateScope } from '../../src/aws/iam-policy.ts';
import type { RoleRule } from '../../src/sandbox/cluster/roles.ts';
import { iamGuards } from '../ablation/iam-guards.ts';
import { rbacGuards } from '../ablation/rbac-guards.ts';
import { between, permissionsPage, tableOf } from '../ablation/table.ts';
import { readManifests } from './manifests.ts';
import { allFiles } from './sources.ts';
import { hasTest } from './titles.ts';

const files = allFiles();
const textOf = (path: string) => files.get(path) ?? '';
const shipped = iamPolicy(policyTemplateScope);

describe('what shows that no permission is too many', () => {
  test('has a line for each action, condition and resource of the IAM policy, each of which changes it', () => {
    const wanted = shipped.Statement.flatMap(({ Sid, Action, Resource, Condition = {} }) => [
      ...Action.map(action => `${action.split(':')[1]} out of ${Sid}`),
      ...Object.keys(Condition.StringEquals ?? {}).map(key => `${Sid} without the condition on ${key.split('/')[0]}`),
      // Where only the tag limits it, the resource says the kind alone.
      ...(Resource === '*' || Sid.startsWith('UseOwn') ? [] : [`${Sid} on any resource`]),
      ...(Sid === 'TagWhatIsMade'
        ? ['CreateTargetGroup', 'CreateListener'].map(create => `${create} out of the CreateAction of ${Sid}`)
        : []),
      ...(Sid === 'TagWhatIsMade'
        ? ['targetgroup', 'listener'].map(kind => `${kind} out of the resources of ${Sid}`)
        : []),
    ]);
    assert.deepEqual(iamGuards.map(({ change }) => change).toSorted(), wanted.toSorted());
    for (const { change, ablate } of iamGuards) assert.notDeepEqual(ablate(shipped), shipped, change);
  });

  test('has a line for each verb of each role that is shipped', () => {
    const manifests = [...files].filter(([path]) => /^deploy\/[^/]+\.yaml$/.test(path));
    const granted = manifests.flatMap(([path, text]) =>
      readManifests(text)
        .filter(({ kind }) => /Role$/.test(String(kind)))
        .flatMap(({ rules }) => rules as unknown as RoleRule[])
        .flatMap(({ apiGroups, resources, verbs }) =>
          apiGroups.flatMap(group =>
            resources.flatMap(resource => verbs.map(verb => `${path}: ${verb} ${resource} of "${group}"`)),
          ),
        ),
    );
    assert.ok(granted.length > 20);
    assert.deepEqual(
      rbacGuards
        .map(({ manifest, group, resource, verb }) => `${manifest}: ${verb} ${resource} of "${group}"`)
        .toSorted(),
      granted.toSorted(),
    );
  });

  test('names tests that are there', () => {
    const missing = [...iamGuards, ...rbacGuards].filter(({ file, test: title }) => !hasTest(textOf(file), title));
    assert.deepEqual(
      missing.map(({ change, test: title }) => `${change}: ${title}`),
      [],
    );
  });

  test('is on its page', () => {
    const page = textOf(permissionsPage);
    for (const [name, guards] of Object.entries({ IAM: iamGuards, RBAC: rbacGuards })) {
      assert.equal(between(page, name, tableOf(guards)), page, `Run "npm run ablate:${name.toLowerCase()}".`);
    }
  });
});
