import { systemClock } from '../../runtime/clock.ts';
import { startAwsSandbox } from '../../sandbox/aws-sandbox.ts';
import { profileSettings } from '../../sandbox/elbv2/settings.ts';
import { nodeNetwork } from '../../sandbox/node-network.ts';
import { portTaken } from '../../sandbox/port-taken.ts';
import { aborted, exitSoon, printReady, randomOf, stderrLog } from './process.ts';
import type { SandboxFlags } from './sandbox-flags.ts';

/**
 * The emulated AWS alone, for any client, until `signal` is aborted. Gives the exit code.
 * @throws CodedException PortInUse
 */
export async function runAws(flags: SandboxFlags, signal: AbortSignal): Promise<number> {
  const clock = systemClock();
  const sandbox = await startAwsSandbox(
    { clock, random: randomOf(flags), network: nodeNetwork({ clock }), log: stderrLog() },
    { port: flags.awsPort, settings: profileSettings(flags.profile, flags.set), networkMap: flags.mapNetwork },
  ).catch((error: unknown) => {
    throw portTaken(error, flags.awsPort, '--aws-port');
  });
  printReady(
    flags.json,
    { aws: { endpoint: sandbox.url }, profile: flags.profile, pid: process.pid },
    `AWS endpoint (ELBv2, profile ${flags.profile}): ${sandbox.url}`,
  );
  await aborted(signal);
  exitSoon(0);
  await sandbox.close();
  return 0;
}
