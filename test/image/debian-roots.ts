import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cluster/binaries.ts';
import { repository } from '../cluster/product.ts';

const run = promisify(execFile);

/** What distroless's `cc` is made of: a C and a C++ library, and certificates. */
const basePackages = ['libc6', 'libgcc-s1', 'libstdc++6', 'ca-certificates'];
/** What the build stage runs besides Node and npm: a shell, cp, rm, find, xargs, and their libraries. */
const shellPackages = [
  'dash',
  'coreutils',
  'findutils',
  'libacl1',
  'libattr1',
  'libgmp10',
  'libselinux1',
  'libpcre2-8-0',
];

/**
 * Fills `folder` with a root file system that stands in for `gcr.io/distroless/cc-debian12:nonroot`: the same packages
 * of Debian, taken apart, and its user.
 */
export async function makeBaseRoot(folder: string): Promise<void> {
  await unpack(basePackages, folder);
}

/**
 * Fills `folder` with one that stands in for `node:…-bookworm-slim`: a shell, the Node of the lock file, and this machine's
 * npm, which takes packages from its cache alone.
 */
export async function makeBuildRoot(folder: string): Promise<void> {
  await unpack([...basePackages, ...shellPackages], folder);
  const local = join(folder, 'usr', 'local');
  const modules = join(local, 'lib', 'node_modules');
  for (const made of [join(local, 'bin'), join(local, 'etc'), modules]) await mkdir(made, { recursive: true });
  const node = join(repository, 'node_modules', `node-linux-${arch()}`, 'bin', 'node');
  await cp(node, join(local, 'bin', 'node'), { dereference: true });
  const npm = await run('sh', ['-c', 'readlink -f "$(command -v npm)"']);
  await cp(dirname(dirname(npm.stdout.trim())), join(modules, 'npm'), { recursive: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin', 'npm'));
  await writeFile(join(local, 'etc', 'npmrc'), 'offline=true\n');
}

async function unpack(packages: string[], folder: string): Promise<void> {
  const files = await packageFiles();
  for (const name of packages) {
    const file = files.find(path => path.includes(`/${name}_`));
    if (file === undefined) throw new Error(`Cannot make a root: apt-get downloaded no ${name}.`);
    await run('dpkg-deb', ['--extract', file, folder]);
  }
  for (const made of ['etc/ssl/certs', 'tmp', 'root', 'proc', 'dev', 'sys']) {
    await mkdir(join(folder, made), { recursive: true });
  }
  await writeFile(
    join(folder, 'etc/passwd'),
    'root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home:/sbin/nologin\n',
  );
  await writeFile(join(folder, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  const certificates = join(folder, 'usr/share/ca-certificates/mozilla');
  const texts = await Promise.all(
    (await readdir(certificates)).map(name => readFile(join(certificates, name), 'utf8')),
  );
  await writeFile(join(folder, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''));
}

/** Debian's packages, downloaded once into the cache folder. */
async function packageFiles(): Promise<string[]> {
  const folder = join(cacheFolder(process.env), 'debian-packages');
  if (!existsSync(folder)) {
    await mkdir(dirname(folder), { recursive: true });
    const temporary = await mkdtemp(`${folder}.building-`);
    const download = () => run('apt-get', ['download', ...basePackages, ...shellPackages], { cwd: temporary });
    try {
      await download().catch(async () => {
        await run('apt-get', ['update'], { maxBuffer: 64 * 1024 * 1024 });
        await download();
      });
      await rename(temporary, folder).catch(error => {
        if (!existsSync(folder)) throw error;
      });
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  return (await readdir(folder)).map(name => join(folder, name));
}
