import { spawn } from 'node:child_process';
import type { Clock } from '../runtime/clock.ts';
import { ConnectionConfigError } from './connection-config.ts';

/** The `exec` part of a kubeconfig user: a program that prints credentials. */
export interface ExecConfig {
  apiVersion: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  installHint: string | undefined;
  /** `Never` and `IfAvailable` run without a terminal too, `Always` does not. */
  interactiveMode: 'Never' | 'IfAvailable' | 'Always';
  /** Handed to the program where the user asks for it by `provideClusterInfo`. */
  cluster: Record<string, unknown> | undefined;
}

/** What the program gave. */
export interface ExecCredential {
  token: string | undefined;
  certificate: string | undefined;
  key: string | undefined;
  expiresAtMs: number | undefined;
}

export interface ExecDeps {
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** True where a person may be asked: standard input is a terminal. */
  interactive: boolean;
}

/** The two versions that client-go serves. */
const versions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];
/** A browser login within `interactive` may take minutes; without a person nothing should take this long. */
const INTERACTIVE_TIMEOUT_MS = 300_000;
const TIMEOUT_MS = 60_000;
/** Larger than any credential; keeps a runaway program from filling the memory. */
const MAX_OUTPUT_CHARS = 1_000_000;

/** Runs a credential plugin once. Throws `ConnectionConfigError` with what the program said. */
export async function runExecPlugin(deps: ExecDeps, exec: ExecConfig): Promise<ExecCredential> {
  const fail = (why: string) =>
    new ConnectionConfigError(`The kubeconfig's credential program "${exec.command}" ${why}`);
  if (!versions.includes(exec.apiVersion)) {
    throw fail(`is set to apiVersion "${exec.apiVersion}": "${versions[0]}" or "${versions[1]}" wanted.`);
  }
  if (exec.interactiveMode === 'Always' && !deps.interactive) {
    throw fail('has interactiveMode "Always", but there is no terminal to ask at.');
  }
  const interactive = deps.interactive && exec.interactiveMode !== 'Never';
  const info = { interactive, ...(exec.cluster ? { cluster: exec.cluster } : {}) };
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(exec.command, exec.args, {
      env: {
        ...deps.env,
        ...exec.env,
        KUBERNETES_EXEC_INFO: JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec: info }),
      },
      stdio: [interactive ? 'inherit' : 'ignore', 'pipe', interactive ? 'inherit' : 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    const timer = deps.clock.after(interactive ? INTERACTIVE_TIMEOUT_MS : TIMEOUT_MS, () => {
      timedOut = true;
      child.kill('SIGKILL');
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > MAX_OUTPUT_CHARS) child.kill('SIGKILL');
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-1000);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      timer.cancel();
      const hint = exec.installHint ? ` ${exec.installHint.trim()}` : '';
      reject(error.code === 'ENOENT' ? fail(`was not found.${hint}`) : fail(`did not start: ${error.message}.`));
    });
    child.on('close', (code, signal) => {
      timer.cancel();
      if (code === 0) resolve(stdout);
      else if (timedOut) reject(fail('gave no credential in time.'));
      else
        reject(
          fail(`ended with ${code === null ? signal : `exit code ${code}`}: ${stderr.trim() || 'it said nothing'}`),
        );
    });
  });
  return parseCredential(output, exec.apiVersion, fail);
}

function parseCredential(output: string, apiVersion: string, fail: (why: string) => Error): ExecCredential {
  let parsed: { apiVersion?: unknown; kind?: unknown; status?: Record<string, unknown> };
  try {
    parsed = JSON.parse(output) as typeof parsed;
  } catch {
    throw fail('printed something that is not JSON.');
  }
  if (parsed?.kind !== 'ExecCredential' || parsed.apiVersion !== apiVersion) {
    throw fail(`printed no ExecCredential of ${apiVersion}.`);
  }
  const text = (name: string) => {
    const value = parsed.status?.[name];
    return typeof value === 'string' && value ? value : undefined;
  };
  const [token, certificate, key] = [text('token'), text('clientCertificateData'), text('clientKeyData')];
  if (!token && !(certificate && key)) throw fail('gave neither a token nor a certificate with its key.');
  const expiry = text('expirationTimestamp');
  const expiresAtMs = expiry === undefined ? undefined : Date.parse(expiry);
  if (Number.isNaN(expiresAtMs)) throw fail(`gave an expirationTimestamp that is no time: "${expiry}".`);
  return { token, certificate, key, expiresAtMs };
}
