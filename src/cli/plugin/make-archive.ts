import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Archive, nodePackage, type Platform, runtimePackages } from './archives.ts';

const run = promisify(execFile);

/** What is not for those who run it. */
const isForTests = /\.(test|fixture|bench|cluster)\.ts$/;

/**
 * Makes the archive for `platform` in the folder `to` out of the checkout at `root`: sources, the packages that they need,
 * a Node where npm has one, and `bin/kubectl-nlbports`. The same checkout gives the same bytes. `level` is gzip's.
 *
 * @throws Error where a package is not installed, or is not the one of the lock file.
 */
export async function makeArchive(root: string, platform: Platform, to: string, level = 9): Promise<Archive> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'nlbports-plugin-'));
  try {
    const content = join(folder, 'content');
    await mkdir(join(content, 'bin'), { recursive: true });
    await cp(join(root, 'bin', 'nlbports'), join(content, 'bin', 'kubectl-nlbports'));
    for (const name of ['package.json', 'LICENSE']) await cp(join(root, name), join(content, name));
    await cp(join(root, 'src'), join(content, 'src'), { recursive: true, filter: path => !isForTests.test(path) });
    for (const { folder: path, version } of runtimePackages(lock)) await copyPackage(root, path, version, content);
    const node = nodePackage(platform);
    if (node !== undefined) await addNode(root, node, lock, content, folder);

    const name = `kubectl-nlbports-${lock.version}-${platform.os}-${platform.arch}.tar.gz`;
    await mkdir(to, { recursive: true });
    const archive = join(to, name);
    const asOne = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u+w,go-w,a+rX'];
    await run('tar', [
      '--create',
      `--use-compress-program=gzip -n -${level}`,
      ...asOne,
      '--file',
      archive,
      '-C',
      content,
      '.',
    ]);
    return {
      ...platform,
      name,
      sha256: createHash('sha256')
        .update(await readFile(archive))
        .digest('hex'),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyPackage(root: string, path: string, version: string, content: string): Promise<void> {
  const from = join(root, path);
  const installed = existsSync(from)
    ? JSON.parse(await readFile(join(from, 'package.json'), 'utf8')).version
    : 'nothing';
  if (installed !== version)
    throw new Error(`Cannot pack ${path}: ${installed} is installed, ${version} wanted: npm ci`);
  // Packages inside of it have entries of their own in the lock file.
  await cp(from, join(content, path), {
    recursive: true,
    filter: source => !source.slice(from.length).startsWith('/node_modules'),
  });
}

/** The Node of this machine is installed; that of another is fetched, and has to be what the lock file says. */
async function addNode(
  root: string,
  name: string,
  lock: { packages: Record<string, { version: string; integrity: string }> },
  content: string,
  folder: string,
): Promise<void> {
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`Cannot pack ${name}: it is not in package-lock.json`);
  let from = join(root, 'node_modules', name);
  if (!existsSync(join(from, 'bin', 'node'))) {
    const { stdout } = await run('npm', ['pack', '--silent', `${name}@${locked.version}`], { cwd: folder });
    const file = join(folder, stdout.trim());
    const integrity = `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
    if (integrity !== locked.integrity)
      throw new Error(`Cannot pack ${name}: ${integrity} came, ${locked.integrity} wanted`);
    await run('tar', ['--extract', '--file', file, '-C', folder]);
    from = join(folder, 'package');
  }
  for (const part of ['bin/node', 'LICENSE', 'package.json']) {
    await cp(join(from, part), join(content, 'node_modules', name, part), { dereference: true });
  }
}
