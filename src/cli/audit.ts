import { Command, Option } from 'commander';
import { KubeError, KubeNoAnswer } from '../kube/kube-error.ts';
import { compileOptions } from '../operator/options.ts';
import type { OptionName } from '../operator/options-table.ts';
import { addOptions, writtenOptions } from './option-flags.ts';

/** Exit codes beside 0 (nothing differs, or all of it was mended), 1 (could not look) and 2 (bad usage). */
export const auditExitCodes = { found: 3, refused: 4 } as const;

const names: readonly OptionName[] = [
  'kubeconfig',
  'context',
  'cluster-id',
  'aws-region',
  'aws-budget',
  'aws-account-rate',
  'aws-describe-rate',
  'aws-register-rate',
  'aws-mutate-rate',
  'aws-attempt-timeout',
  'kube-timeout',
];

/** `nlbports audit`: what differs between AWS and the NLBPorts, and, asked to, mends it. */
export function auditCommand(): Command {
  const command = new Command('audit')
    .description('Compare all that AWS holds with the NLBPorts, and print what the audit would do.')
    .addOption(new Option('--fix', 'do it: repairs are left to the running operator, orphans are deleted'))
    .addOption(new Option('--json', 'print one JSON object'))
    .addHelpText(
      'after',
      '\nExit code: 0 nothing differs, or all was mended; 1 could not look, or the cluster refuses; 2 bad usage; ' +
        '3 differences are left; 4 --fix refused, as the cluster looks restored.',
    );
  return addOptions(command, names).action(async (flags: Flags) => {
    const options = compileOptions(writtenOptions(flags, process.env, names));
    const { runAudit } = await import('./audit/run-audit.ts');
    try {
      process.exitCode = await runAudit({ ...options, fix: flags.fix ?? false, json: flags.json ?? false });
    } catch (error) {
      if (!(error instanceof KubeError || error instanceof KubeNoAnswer)) throw error;
      console.error(`Cannot audit: ${error.message}`);
      process.exitCode = 1;
    }
  });
}

interface Flags extends Record<string, unknown> {
  fix?: boolean;
  json?: boolean;
}
