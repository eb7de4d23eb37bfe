import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';

/** How a client proves who it is. */
export type Credential =
  | { token: string }
  | { exec: { command: string; args?: string[] } }
  | { clientCertificateFile: string; clientKeyFile: string };

export interface KubeconfigOptions {
  file: string;
  /** `https://127.0.0.1:20123`. */
  server: string;
  /** Certificates to trust; the server's is not checked when left out. */
  caFile?: string;
  credential: Credential;
}

/** Writes a kubeconfig with one context and returns its path. */
export function writeKubeconfig(options: KubeconfigOptions): string {
  const trust =
    options.caFile === undefined ? { 'insecure-skip-tls-verify': true } : { 'certificate-authority': options.caFile };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: options.server, ...trust } }],
    users: [{ name: 'test', user: describeUser(options.credential) }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
  writeFileSync(options.file, stringify(config), { mode: 0o600 });
  return options.file;
}

function describeUser(credential: Credential): Record<string, unknown> {
  if ('token' in credential) return { token: credential.token };
  if ('exec' in credential) {
    return {
      exec: {
        apiVersion: 'client.authentication.k8s.io/v1',
        interactiveMode: 'Never',
        command: credential.exec.command,
        args: credential.exec.args ?? [],
      },
    };
  }
  return { 'client-certificate': credential.clientCertificateFile, 'client-key': credential.clientKeyFile };
}
