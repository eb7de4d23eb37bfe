import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ablate } from './ablate.ts';
import { repository } from './guard.ts';
import { iamGuards } from './iam-guards.ts';

/**
 * `npm run ablate:iam`: takes each action out of the shipped IAM policy, and each condition and resource that keeps it
 * narrow, and shows the test that fails then. About two minutes. Writes the table of docs/permissions.md; exit code 1
 * where something could be taken out and nothing noticed.
 */
const policy = 'src/aws/iam-policy.ts';
const whole = 'src/aws/whole-iam-policy.ts';

process.exitCode = await ablate('IAM', iamGuards, (copy, { change }) => {
  copy.write(whole, readFileSync(join(repository, policy), 'utf8'));
  copy.write(
    policy,
    `export * from './whole-iam-policy.ts';
    import { iamPolicy as whole } from './whole-iam-policy.ts';
    import { iamGuards } from '../../test/ablation/iam-guards.ts';
    const guard = iamGuards.find(({ change }) => change === ${JSON.stringify(change)});
    export const iamPolicy = scope => guard.ablate(whole(scope));`,
  );
  return () => copy.write(policy, readFileSync(join(repository, policy), 'utf8'));
});
