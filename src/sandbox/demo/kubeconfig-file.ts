import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CodedException, codedError } from '../../api/errors.ts';
import { kubeconfigText } from '../cluster/kubeconfig.ts';
import { networkErrorCode } from '../network.ts';

/** A kubeconfig on disk. */
export interface KubeconfigFile {
  /** Absolute. */
  readonly path: string;
  /** Takes away what was made in a temporary folder; a file that someone asked for stays. */
  remove(): void;
}

/**
 * Writes a kubeconfig for `server` to `wanted`, or to a new temporary folder.
 * @throws CodedException InvalidOption where the file can't be written.
 */
export function writeKubeconfig(server: string, wanted: string | undefined): KubeconfigFile {
  const path = wanted === undefined ? join(mkdtempSync(join(tmpdir(), 'nlbports-')), 'kubeconfig') : resolve(wanted);
  try {
    writeFileSync(path, kubeconfigText(server), { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch (error) {
    const detail = `Cannot write --kubeconfig-out: "${path}" gives ${networkErrorCode(error)}, a file in an existing folder wanted`;
    throw new CodedException(codedError('InvalidOption', detail));
  }
  return {
    path,
    remove() {
      if (wanted === undefined) rmSync(dirname(path), { recursive: true, force: true });
    },
  };
}
