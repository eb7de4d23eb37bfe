import { systemClock } from '../../runtime/clock.ts';
import { writeKubeconfig } from '../../sandbox/demo/kubeconfig-file.ts';
import { startKubernetesSandbox } from '../../sandbox/demo/kubernetes-sandbox.ts';
import { aborted, exitSoon, printReady, randomOf, stderrLog } from './process.ts';
import type { SandboxFlags } from './sandbox-flags.ts';

/**
 * The simulated Kubernetes API alone, for any client, until `signal` is aborted. Gives the exit code.
 * @throws CodedException PortInUse, InvalidOption
 */
export async function runKubernetes(flags: SandboxFlags, signal: AbortSignal): Promise<number> {
  const sandbox = await startKubernetesSandbox(
    { clock: systemClock(), random: randomOf(flags), log: stderrLog() },
    { port: flags.kubernetesPort },
  );
  const kubeconfig = writeKubeconfig(sandbox.url, flags.kubeconfigOut);
  printReady(
    flags.json,
    { kubernetes: { url: sandbox.url, kubeconfig: kubeconfig.path }, pid: process.pid },
    `Kubernetes API: ${sandbox.url} (kubeconfig: ${kubeconfig.path})`,
  );
  await aborted(signal);
  exitSoon(0);
  kubeconfig.remove();
  await sandbox.close();
  return 0;
}
