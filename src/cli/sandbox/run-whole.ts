import { createWriteStream } from 'node:fs';
import { systemClock } from '../../runtime/clock.ts';
import { type Log, silentLog } from '../../runtime/log.ts';
import { sandboxAws } from '../../sandbox/demo/aws-person.ts';
import { jsonTeller } from '../../sandbox/demo/json-teller.ts';
import { writeKubeconfig } from '../../sandbox/demo/kubeconfig-file.ts';
import { liveTeller } from '../../sandbox/demo/live-teller.ts';
import { createPaint, wantsColour } from '../../sandbox/demo/paint.ts';
import { plainTeller } from '../../sandbox/demo/plain-teller.ts';
import { defaultStepMs, openForUsers, runDemo } from '../../sandbox/demo/run-demo.ts';
import { startSandbox } from '../../sandbox/demo/sandbox.ts';
import type { Teller } from '../../sandbox/demo/story-event.ts';
import { lineLog } from '../../sandbox/line-log.ts';
import { nodeNetwork } from '../../sandbox/node-network.ts';
import { aborted, exitSoon, fail, randomOf } from './process.ts';
import type { SandboxFlags } from './sandbox-flags.ts';

/**
 * Cluster, AWS and operator in this process, with the story; without `--exit` until `signal` is aborted. Gives the exit
 * code: 0 only if every check held.
 * @throws CodedException PortInUse, NoLoopbackAddress, InvalidOption
 */
export async function runWhole(flags: SandboxFlags, signal: AbortSignal): Promise<number> {
  const clock = systemClock();
  const network = nodeNetwork({ clock });
  const { profile, set, kubernetesPort, awsPort, operatorPort, story } = flags;
  const log = flags.log === undefined ? silentLog() : fileLog(flags.log);
  const sandbox = await startSandbox(
    { clock, random: randomOf(flags), network, log },
    {
      kubernetesPort,
      awsPort,
      operatorPort,
      profile,
      set,
      networkMap: flags.mapNetwork,
      fewAddresses: process.platform === 'darwin',
    },
  );
  const kubeconfig = writeKubeconfig(sandbox.kubernetesUrl, flags.kubeconfigOut);
  const ways = {
    kubernetes: { url: sandbox.kubernetesUrl, kubeconfig: kubeconfig.path },
    aws: { endpoint: sandbox.awsUrl, region: sandboxAws.region },
    ...(sandbox.operatorUrl === undefined ? {} : { operator: { url: sandbox.operatorUrl } }),
  };
  const teller = chooseTeller(flags);
  let exitCode = 1;
  try {
    teller.tell({ type: 'ready', profile, pid: process.pid, ...ways });
    const stepMs = flags.stepTimeout ?? defaultStepMs[profile];
    const outcome = await runDemo({ sandbox, clock, network, teller }, { profile, stepMs, signal, story });
    exitCode = outcome.ok ? 0 : 1;
    if (!flags.exit) {
      const pools = await openForUsers(sandbox, signal);
      const example = sandbox.view.rows().find(({ state }) => state === 'Healthy')?.endpoint ?? null;
      teller.tell({ type: 'staying', pools, example, ...ways });
      await aborted(signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    // Not every check was made: no success for a script, but the wish of a person.
    exitCode = flags.exit ? 1 : 0;
  } finally {
    teller.close();
  }
  exitSoon(exitCode);
  kubeconfig.remove();
  await sandbox.close();
  return exitCode;
}

function chooseTeller(flags: SandboxFlags): Teller {
  const clock = systemClock();
  const { stdout, env } = process;
  const write = (text: string) => void stdout.write(text);
  if (flags.json) return jsonTeller({ write, clock });
  const paint = createPaint(wantsColour(stdout.isTTY === true, env));
  if (!stdout.isTTY || env.TERM === 'dumb') return plainTeller({ write, clock, paint });
  const size = () => ({ columns: stdout.columns, rows: stdout.rows });
  return liveTeller({ terminal: { write, size }, clock, paint });
}

function fileLog(path: string): Log {
  const stream = createWriteStream(path, { flags: 'a' });
  stream.on('error', error => fail(`Cannot write --log: ${error.message}.`));
  return lineLog({ clock: systemClock(), write: line => stream.write(line) });
}
