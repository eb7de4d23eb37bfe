import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cluster/binaries.ts';

/** The versions that the chart is tried with; both still get fixes. */
const modules = {
  3: { path: 'helm.sh/helm/v3', version: 'v3.19.2' },
  4: { path: 'helm.sh/helm/v4', version: 'v4.0.1' },
} as const;

/**
 * The path of a Helm: the one that `HELM` (or `HELM4`) names, or one that is built from its Go module into the cache
 * folder, which takes minutes the first time.
 *
 * @throws Error with what Go said.
 */
export async function helmBinary(major: 3 | 4 = 3, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const named = major === 3 ? env.HELM : env.HELM4;
  if (named) return named;
  const { path, version } = modules[major];
  const folder = join(cacheFolder(env), `helm-${version}`);
  const program = join(folder, 'helm');
  if (existsSync(program)) return program;
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}.building-`);
  try {
    // The version that a Helm without this believes to be talking to is older than any chart of today wants.
    await promisify(execFile)('go', ['install', '-trimpath', '-ldflags', '-s -w', `${path}/cmd/helm@${version}`], {
      env: { ...env, GOBIN: temporary, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
      maxBuffer: 64 * 1024 * 1024,
    });
    await rename(temporary, folder).catch(error => {
      if (!existsSync(program)) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return program;
}

if (import.meta.main) console.log(await helmBinary(process.argv[2] === '4' ? 4 : 3));
