import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../cluster/eventually.ts';
import { logTail, startProcess } from '../cluster/managed-process.ts';
import { awsEnvironment } from '../cluster/operator-process.ts';
import { pickPort } from '../cluster/ports.ts';
import { nlbportsCommand, repository } from '../cluster/product.ts';
import { type Buildah, createBuildah } from './buildah.ts';
import { makeBaseRoot, makeBuildRoot } from './debian-roots.ts';

const image = 'localhost/nlbports:check';
/** Of distroless; no root, and no number that a machine gives to people. */
const nonroot = 65532;

/** Where npm finds what `npmVolumes` gives it. */
const buildEnvironment = [
  'PATH=/usr/local/bin:/usr/bin:/bin',
  'NPM_CONFIG_USERCONFIG=/npm/settings',
  'NPM_CONFIG_CACHE=/npm/cache',
].flatMap(variable => ['--env', variable]);

interface ImageConfig {
  User: string;
  Entrypoint: string[];
  Cmd: string[];
  Env?: string[];
}

describe('the image, built from the Dockerfile on bases out of Debian packages', () => {
  let buildah: Buildah;
  let container: string;
  let root: string;
  let config: ImageConfig;

  before(async () => {
    buildah = await createBuildah();
    const bases = { build: join(buildah.folder, 'build-root'), base: join(buildah.folder, 'base-root') };
    for (const folder of Object.values(bases)) mkdirSync(folder);
    await makeBuildRoot(bases.build);
    await makeBaseRoot(bases.base);
    await buildah.imageOf(bases.build, 'localhost/build', ...buildEnvironment);
    await buildah.imageOf(bases.base, 'localhost/base', '--user', String(nonroot));
    const arguments_ = ['--build-arg', 'BUILD=localhost/build', '--build-arg', 'BASE=localhost/base'];
    await buildah.run('build', '--pull-never', ...arguments_, ...(await npmVolumes()), '--tag', image, repository);
    config = JSON.parse(await buildah.run('inspect', '--type', 'image', image)).OCIv1.config;
    container = await buildah.run('from', '--pull-never', image);
    root = await buildah.run('mount', container);
  });
  after(() => buildah?.close());

  test('runs as nobody who may write to it, on the Node of the lock file', async () => {
    assert.equal(config.User, `${nonroot}:${nonroot}`);
    const script = `
      const tries = ['/app/x', '/app/src/x', '/x', '/etc/x'].map(path => {
        try { fs.writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; }
      });
      console.log(JSON.stringify([process.getuid(), process.getgid(), process.version, tries]));`;
    const [node = ''] = config.Entrypoint;
    const said = await buildah.run('run', container, '--', node, '-e', script);
    assert.deepEqual(JSON.parse(said), [nonroot, nonroot, lockedNode(), Array(4).fill('EACCES')]);
  });

  test('is nlbports', async () => {
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    assert.equal(await buildah.run('run', container, '--', ...config.Entrypoint, '--version'), version);
    assert.deepEqual(config.Cmd, ['operator']);
  });

  test('has no shell, no package manager, no program but one node, nothing that changes its user, and no test', async () => {
    const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name).slice(root.length));
    assert.deepEqual(
      paths.filter(path => /\/(sh|dash|bash|npm|npx|apt-get|dpkg|cc|gcc|python3?)$/.test(path)),
      [],
    );
    assert.deepEqual(
      paths.filter(path => /^\/app\/src\/.*\.(test|bench|fixture|cluster)\.ts$/.test(path)),
      [],
    );
    assert.equal(existsSync(join(root, 'app/node_modules/typescript')), false);
    assert.deepEqual(await find(root, '-type', 'f', '-size', '+20M'), ['/app/node']);
    assert.deepEqual(await find(root, '-perm', '/6000'), []);
    assert.deepEqual(await find(root, '-type', 'f', '-perm', '/0022'), []);
  });

  test('says what is in it, in CycloneDX', () => {
    const sbom = JSON.parse(readFileSync(join(root, 'app/sbom.json'), 'utf8'));
    assert.equal(sbom.bomFormat, 'CycloneDX');
    const listed = new Set(
      sbom.components.map((part: { name: string; version: string }) => `${part.name}@${part.version}`),
    );
    const installed = modulesIn(join(root, 'app/node_modules'));
    assert.ok(installed.length > 20);
    assert.deepEqual(
      installed.filter(name => !listed.has(name)),
      [],
    );
    assert.ok(listed.has(`node-linux-${process.arch}@${lockedNode().slice(1)}`));
  });

  test('is small: Node and less than 60 MB more', async t => {
    const { size: node } = await sizeOf(join(root, 'app/node'));
    const { size: all } = await sizeOf(join(root, 'app'));
    t.diagnostic(`node ${(node / 1e6).toFixed(0)} MB, with all of /app ${(all / 1e6).toFixed(0)} MB`);
    assert.ok(all - node < 60e6, `${all - node} bytes`);
  });

  test('runs the operator, which answers probes and ends when told to', async () => {
    const kubeconfig = join(buildah.folder, 'kubeconfig');
    const flags = ['sandbox', '--only=kubernetes', '--kubernetes-port=0', `--kubeconfig-out=${kubeconfig}`];
    const logFile = join(buildah.folder, 'kubernetes.log');
    const cluster = await startProcess({ name: 'a simulated cluster', command: nlbportsCommand, args: flags, logFile });
    await eventually(() => assert.ok(existsSync(kubeconfig)), 60_000);
    // The user of the container is not the one of the machine.
    chmodSync(kubeconfig, 0o644);
    const port = await pickPort();
    const env = Object.entries(awsEnvironment('http://127.0.0.1:9')).flatMap(pair => ['--env', pair.join('=')]);
    const operator = await buildah.start(
      container,
      join(buildah.folder, 'operator.log'),
      ['--volume', `${kubeconfig}:/kubeconfig:ro`, ...env],
      [
        ...config.Entrypoint,
        ...config.Cmd,
        '--kubeconfig=/kubeconfig',
        `--http-address=127.0.0.1:${port}`,
        '--leader-elect=false',
      ],
    );
    try {
      for (const path of ['/healthz', '/readyz', '/metrics']) {
        await eventually(async () => {
          assert.ok(operator.isRunning(), logTail(operator));
          assert.equal((await fetch(`http://127.0.0.1:${port}${path}`)).status, 200, path);
        }, 30_000);
      }
      // buildah does not hand signals on, as a container runtime does.
      process.kill(innermost(operator.pid), 'SIGTERM');
      assert.deepEqual(await operator.ended, { code: 0, signal: null }, logTail(operator));
      assert.match(operator.log(), /"outcome":"ended"/);
    } finally {
      await operator.stop(1_000);
      await cluster.stop();
    }
  });
});

/** The last of the chain of processes that begins with `pid`. */
function innermost(pid: number): number {
  const [child] = readdirSync(`/proc/${pid}/task`).flatMap(thread =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean),
  );
  return child === undefined ? pid : innermost(Number(child));
}

/** npm inside asks no registry: it takes what `npm ci` of this checkout left in the cache, by this machine's settings. */
async function npmVolumes(): Promise<string[]> {
  const setting = async (name: string) => (await promisify(execFile)('npm', ['config', 'get', name])).stdout.trim();
  const [settings, cache] = [await setting('userconfig'), await setting('cache')];
  return [
    ...(existsSync(settings) ? ['--volume', `${settings}:/npm/settings:ro`] : []),
    ...['--volume', `${cache}:/npm/cache`],
  ];
}

function lockedNode(): string {
  const { packages } = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8'));
  return `v${packages[`node_modules/node-linux-${process.arch}`].version}`;
}

/** `name@version` of each package in a folder of modules, without those inside of others. */
function modulesIn(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    if (name.startsWith('@')) return modulesIn(join(folder, name));
    const file = join(folder, name, 'package.json');
    if (name.startsWith('.') || !existsSync(file)) return [];
    const parsed = JSON.parse(readFileSync(file, 'utf8'));
    return [`${parsed.name}@${parsed.version}`];
  });
}

async function find(root: string, ...tests: string[]): Promise<string[]> {
  const { stdout } = await promisify(execFile)('find', [
    root,
    '-not',
    '-type',
    'l',
    ...tests,
    '-not',
    '-path',
    `${root}/tmp`,
  ]);
  return stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.slice(root.length));
}

async function sizeOf(path: string): Promise<{ size: number }> {
  const { stdout } = await promisify(execFile)('du', ['--summarize', '--bytes', path]);
  return { size: Number.parseInt(stdout, 10) };
}
