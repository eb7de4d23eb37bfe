import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guardFolder, type ManagedProcess, startProcess } from '../cluster/managed-process.ts';

/** Builds and runs images without a daemon, in a storage of its own. */
export interface Buildah {
  /** Folder for the test's own files; it goes with the storage. */
  folder: string;
  /** What it printed. @throws Error with what it said. */
  run(...args: string[]): Promise<string>;
  /** An image out of a root file system, with configuration as of `buildah config`. */
  imageOf(root: string, name: string, ...config: string[]): Promise<void>;
  /** Starts a program in a container and leaves it running. */
  start(container: string, logFile: string, flags: string[], command: string[]): Promise<ManagedProcess>;
  close(): void;
}

/**
 * Makes one. Containers are changed roots with namespaces (`--isolation chroot`) and layers are copies (`vfs`): slow, but it
 * needs no more of the kernel than a container has itself.
 *
 * @throws Error where there is no buildah, with the command that brings it.
 */
export async function createBuildah(): Promise<Buildah> {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-image-'));
  const releaseFolder = guardFolder(folder);
  const close = () => {
    rmSync(folder, { recursive: true, force: true });
    releaseFolder();
  };
  const storage = join(folder, 'storage.conf');
  writeFileSync(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = "${join(folder, 'graph')}"\nrunroot = "${join(folder, 'run')}"\n`,
  );
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const env = { ...process.env, CONTAINERS_STORAGE_CONF: storage, BUILDAH_ISOLATION: 'chroot', TMPDIR: temporary };
  const run = async (...args: string[]) => {
    const { stdout } = await promisify(execFile)('buildah', args, { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  };
  await run('--version').catch(error => {
    close();
    throw new Error(`Cannot build an image: ${error.message}; wanted: apt-get install --no-install-recommends buildah`);
  });
  return {
    folder,
    run,
    async imageOf(root, name, ...config) {
      const archive = `${root}.tar`;
      await promisify(execFile)('tar', ['--create', '--directory', root, '--file', archive, '.']);
      const container = await run('from', 'scratch');
      await run('add', container, archive, '/');
      if (config.length > 0) await run('config', ...config, container);
      await run('commit', '--quiet', '--rm', container, name);
      rmSync(archive);
    },
    start: (container, logFile, flags, command) =>
      startProcess({
        name: `buildah run ${command.join(' ')}`,
        command: 'buildah',
        args: ['run', ...flags, container, '--', ...command],
        env,
        logFile,
      }),
    close,
  };
}
