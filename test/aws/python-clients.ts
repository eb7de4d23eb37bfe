import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cluster/binaries.ts';

/** Paths of the real AWS clients. */
export interface PythonClients {
  /** A Python that has boto3. */
  readonly python: string;
  /** The AWS CLI. */
  readonly aws: string;
}

/** Finds boto3 and the AWS CLI, or installs them: see `pythonPrograms`. */
export async function pythonClients(env: NodeJS.ProcessEnv = process.env): Promise<PythonClients> {
  const folder = await pythonPrograms('aws-clients', 'requirements.txt', env);
  return { python: join(folder, 'python'), aws: join(folder, 'aws') };
}

/**
 * The folder of the programs that a requirements file beside this one brings: from the cache folder, or installed there
 * with pip, as the machine has it configured. The folder's key changes with the file and the machine's Python.
 *
 * @throws Error with what pip or venv said, and a remedy.
 */
export async function pythonPrograms(
  name: string,
  requirementsFile: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const requirements = join(import.meta.dirname, requirementsFile);
  const version = await run('python3', ['-c', 'import sys; print(sys.version, sys.base_prefix)'], env);
  const key = createHash('sha256')
    .update(await readFile(requirements))
    .update(version)
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheFolder(env), `${name}-${key}`);
  if (!existsSync(folder)) await install(folder, requirements, env);
  return join(folder, 'bin');
}

/**
 * Installs beside the final folder. A venv knows its own path and can't be renamed, so what appears in one step is a
 * link to it; whoever is second drops its own.
 */
async function install(link: string, requirements: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(dirname(link), { recursive: true });
  const folder = await mkdtemp(`${link}.`);
  try {
    await run('python3', ['-m', 'venv', folder], env);
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', requirements];
    await run(join(folder, 'bin', 'python'), pip, env);
    await symlink(folder, `${folder}.link`);
    if (existsSync(link)) throw new Error('taken');
    await rename(`${folder}.link`, link);
  } catch (error) {
    await rm(`${folder}.link`, { force: true });
    await rm(folder, { recursive: true, force: true });
    if (!existsSync(link)) throw error;
  }
}

async function run(program: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let said = '';
  child.stdout.on('data', chunk => {
    printed += chunk;
  });
  child.stderr.on('data', chunk => {
    said = (said + chunk).slice(-4_000);
  });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', error => {
      fail(new Error(`Cannot run ${program}: ${error.message}. Python 3.9 or newer with venv and pip is needed.`));
    });
    child.once('close', done);
  });
  if (code !== 0)
    throw new Error(`Cannot install the AWS clients: "${program} ${args.join(' ')}" ended with ${code}.\n${said}`);
  return printed;
}
