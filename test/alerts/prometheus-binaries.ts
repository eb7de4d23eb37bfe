import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cluster/binaries.ts';

/** Paths of Prometheus and of the tool that checks and plays its rules. */
export interface PrometheusBinaries {
  prometheus: string;
  promtool: string;
}

const run = promisify(execFile);

/**
 * Finds both programs in the folder that `PROMETHEUS` names, or on the PATH; else takes Debian's package apart into the
 * cache folder, without installing it: no service is started, and no root is needed where apt has its lists.
 *
 * @throws Error with what apt said.
 */
export async function prometheusBinaries(env: NodeJS.ProcessEnv = process.env): Promise<PrometheusBinaries> {
  const folders = env.PROMETHEUS ? [env.PROMETHEUS] : (env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  const found = folders.map(inFolder).find(isThere);
  if (found) return found;
  if (env.PROMETHEUS) throw new Error(`Cannot use PROMETHEUS "${env.PROMETHEUS}": no prometheus and promtool there.`);
  const folder = join(cacheFolder(env), 'prometheus-debian');
  const cached = inFolder(join(folder, 'usr', 'bin'));
  if (!isThere(cached)) await unpackPackage(folder, () => isThere(cached), env);
  return cached;
}

function inFolder(folder: string): PrometheusBinaries {
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
}

function isThere({ prometheus, promtool }: PrometheusBinaries): boolean {
  return existsSync(prometheus) && existsSync(promtool);
}

async function unpackPackage(folder: string, isDone: () => boolean, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(`${folder}.building-`);
  const download = () => run('apt-get', ['download', 'prometheus'], { cwd: temporary, env });
  try {
    // A fresh machine has no lists, an old one has lists of packages that are gone.
    await download().catch(async () => {
      await run('apt-get', ['update'], { env, maxBuffer: 64 * 1024 * 1024 });
      await download();
    });
    const file = (await readdir(temporary)).find(name => name.endsWith('.deb'));
    if (file === undefined) throw new Error('Cannot get prometheus: apt-get downloaded no package.');
    await run('dpkg-deb', ['--extract', join(temporary, file), join(temporary, 'root')]);
    await rename(join(temporary, 'root'), folder).catch(error => {
      if (!isDone()) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

if (import.meta.main) console.log((await prometheusBinaries()).promtool);
