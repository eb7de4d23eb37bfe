import { Command, InvalidArgumentError, Option } from 'commander';
import { parseDurationMs } from '../api/duration.ts';
import { KubeError, KubeNoAnswer } from '../kube/kube-error.ts';

/** `nlbports drain-pool`: takes a pool down, with all that it has in AWS, once its claimants have ended. */
export function drainPoolCommand(): Command {
  return new Command('drain-pool')
    .description('Delete a pool, and wait until its claimants have ended and nothing of it is left in AWS.')
    .argument('<name>', 'the NLBPortPool')
    .addOption(new Option('--kubeconfig <file>', 'kubeconfig to connect with'))
    .addOption(new Option('--context <name>', 'context of the kubeconfig'))
    .addOption(
      new Option('--timeout <duration>', 'how long to wait; the draining goes on after it')
        .default(1_800_000, '30m')
        .argParser(readDuration),
    )
    .addOption(new Option('--dry-run', 'say who holds the pool, and change nothing'))
    .addHelpText('after', '\nExit code: 0 when nothing is left, 1 when the time is up or the cluster refuses.')
    .action(async (pool: string, flags: Flags) => {
      const { runDrainPool } = await import('./drain-pool/run-drain-pool.ts');
      try {
        const outcome = await runDrainPool({
          pool,
          timeoutMs: flags.timeout,
          dryRun: flags.dryRun ?? false,
          kubeconfig: flags.kubeconfig,
          context: flags.context,
        });
        if (outcome === 'waiting') process.exitCode = 1;
      } catch (error) {
        if (!(error instanceof KubeError || error instanceof KubeNoAnswer)) throw error;
        console.error(`Cannot drain pool ${pool}: ${error.message}`);
        process.exitCode = 1;
      }
    });
}

interface Flags {
  kubeconfig?: string;
  context?: string;
  timeout: number;
  dryRun?: boolean;
}

function readDuration(text: string): number {
  try {
    return parseDurationMs(text);
  } catch {
    throw new InvalidArgumentError('Wanted a duration such as 30s or 5m.');
  }
}
