import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { sleep, systemClock } from '../../src/runtime/clock.ts';

/** Paths of the programs that make a control plane. */
export interface ControlPlaneBinaries {
  etcd: string;
  kubeApiserver: string;
  kubectl: string;
  /** Missing where `KUBEBUILDER_ASSETS` names a folder without it, as envtest's does not have it. */
  kubeControllerManager: string | undefined;
}

/** What finding or building the programs needs; everything has a default, tests hand in their own. */
export interface BinariesOptions {
  /** Environment to read `KUBEBUILDER_ASSETS`, `NLBPORTS_CACHE`, `XDG_CACHE_HOME` and `PATH` from. */
  env?: NodeJS.ProcessEnv;
  /** Folder of the Go module. */
  module?: string;
  /** Told when something takes long. */
  say?: (line: string) => void;
}

const controlPlaneModule = join(import.meta.dirname, 'control-plane');
const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
const unfinished = '.building-';
const clock = systemClock();

/**
 * Finds the programs of a control plane, and builds them from their Go modules where nobody has yet.
 *
 * `KUBEBUILDER_ASSETS` comes first, so people who have the programs need no Go. Else they are taken from the cache
 * folder (`$NLBPORTS_CACHE`, `$XDG_CACHE_HOME/nlbports` or `~/.cache/nlbports`), under a key that changes with the
 * module's files. A cold build takes minutes, and only one process at a time does it.
 *
 * @throws Error with a remedy, when a program is missing from `KUBEBUILDER_ASSETS` or Go is missing or fails.
 */
export async function controlPlaneBinaries(options: BinariesOptions = {}): Promise<ControlPlaneBinaries> {
  const env = options.env ?? process.env;
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets) return fromAssets(resolve(assets));
  const module = options.module ?? controlPlaneModule;
  const { key, version } = await describeModule(module);
  const folder = join(cacheFolder(env), `control-plane-${version}-${key}`);
  if (!existsSync(folder)) await buildOnce({ module, version, folder, env, say: options.say ?? (() => {}) });
  return inFolder(folder);
}

/** The folder outside the repository that keeps what was built. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.NLBPORTS_CACHE) return resolve(env.NLBPORTS_CACHE);
  if (env.XDG_CACHE_HOME) return resolve(env.XDG_CACHE_HOME, 'nlbports');
  return join(env.HOME || homedir(), '.cache', 'nlbports');
}

function inFolder(folder: string): ControlPlaneBinaries {
  const manager = join(folder, 'kube-controller-manager');
  return {
    etcd: join(folder, 'etcd'),
    kubeApiserver: join(folder, 'kube-apiserver'),
    kubectl: join(folder, 'kubectl'),
    kubeControllerManager: existsSync(manager) ? manager : undefined,
  };
}

function fromAssets(folder: string): ControlPlaneBinaries {
  const missing = ['etcd', 'kube-apiserver', 'kubectl'].filter(program => !existsSync(join(folder, program)));
  if (missing.length > 0) {
    throw new Error(
      `Cannot use KUBEBUILDER_ASSETS "${folder}": ${missing.join(', ')} missing there. ` +
        'Name a folder with etcd, kube-apiserver and kubectl, or unset it to build them with Go.',
    );
  }
  return inFolder(folder);
}

/** The Kubernetes version that the module asks for, and a key that changes with anything that changes the build. */
async function describeModule(module: string): Promise<{ key: string; version: string }> {
  const goMod = await readFile(join(module, 'go.mod'), 'utf8');
  const version = /^\s*k8s\.io\/kubernetes (v\S+)/m.exec(goMod)?.[1];
  if (version === undefined)
    throw new Error(`Cannot build the control plane: "${module}/go.mod" names no k8s.io/kubernetes.`);
  const hash = createHash('sha256').update(buildArguments(version, '').join('\n'));
  hash
    .update(`${process.platform} ${process.arch}`)
    .update(goMod)
    .update(await readFile(join(module, 'go.sum')));
  for (const program of programs) hash.update(await readFile(join(module, 'cmd', program, 'main.go')));
  return { key: hash.digest('hex').slice(0, 16), version };
}

/** Without the version stamped in, the API server calls itself v0.0.0 and kubectl warns about the skew. */
function buildArguments(version: string, output: string): string[] {
  const stamp = `-s -w -X k8s.io/component-base/version.gitVersion=${version}`;
  const targets = programs.map(program => `./cmd/${program}`);
  return ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', stamp, '-o', output, ...targets];
}

interface Build {
  module: string;
  version: string;
  folder: string;
  env: NodeJS.ProcessEnv;
  say: (line: string) => void;
}

/**
 * Builds beside the final folder and renames, so nobody ever sees half of it. The lock only saves work: were two to
 * build at once after all, the second rename finds the first's folder and drops its own.
 */
async function buildOnce(build: Build): Promise<void> {
  await mkdir(dirname(build.folder), { recursive: true });
  const lock = `${build.folder}.lock`;
  for (let waited = 0; !(await takeLock(lock)); waited++) {
    if (existsSync(build.folder)) return;
    if (waited === 1) build.say('Another process is building the control plane: waiting for it.');
    await sleep(clock, 500);
  }
  try {
    if (existsSync(build.folder)) return;
    await removeLeftovers(build.folder);
    const temporary = await mkdtemp(`${build.folder}${unfinished}`);
    try {
      await goBuild(build, temporary);
      await rename(temporary, build.folder).catch(error => {
        if (!existsSync(build.folder)) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  } finally {
    await rm(lock, { force: true });
  }
}

/** What builders that were killed have left; the holder of the lock is the only one alive. */
async function removeLeftovers(folder: string): Promise<void> {
  const left = (await readdir(dirname(folder))).filter(name => name.startsWith(basename(folder) + unfinished));
  for (const name of left) await rm(join(dirname(folder), name), { recursive: true, force: true });
}

/** A lock file holds the process id of its owner; one whose owner has died is taken over. */
async function takeLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx');
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
  // An empty file is one that its owner is writing this very moment.
  if (owner > 0 && !isAlive(owner)) await rm(lock, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function goBuild(build: Build, output: string): Promise<void> {
  build.say(
    `Building Kubernetes ${build.version} and etcd into ${build.folder}: about ten minutes where Go has nothing cached.`,
  );
  const startedMs = clock.monotonicMs();
  // Without cgo no C compiler is needed, and the programs run on any Linux.
  const env = { ...build.env, CGO_ENABLED: '0', GOWORK: 'off' };
  const child = spawn('go', buildArguments(build.version, `${output}/`), {
    cwd: build.module,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return fail(error);
      fail(
        new Error(
          'Cannot build the control plane: no "go" on the PATH. Install the Go that ' +
            'test/cluster/control-plane/go.mod names, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl.',
        ),
      );
    });
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`Cannot build the control plane: go build ended with ${code}.\n${said}`);
  build.say(`Built in ${Math.round((clock.monotonicMs() - startedMs) / 1_000)} s.`);
}

if (import.meta.main) {
  const binaries = await controlPlaneBinaries({ say: line => console.error(line) });
  console.log(dirname(binaries.kubeApiserver));
}
