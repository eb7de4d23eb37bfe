import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { cacheFolder, controlPlaneBinaries } from './binaries.ts';

describe('controlPlaneBinaries()', () => {
  let folder: string;
  let module: string;
  let cache: string;
  let env: NodeJS.ProcessEnv;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nlbports-binaries-'));
    module = join(folder, 'module');
    cache = join(folder, 'cache');
    env = { NLBPORTS_CACHE: cache, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
    writeModule();
    // Stands in for Go: says how it was called and writes the four programs after a moment.
    writeGo('sleep 0.2; for p in etcd kube-apiserver kube-controller-manager kubectl; do echo x > "$out$p"; done');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('builds once for two callers at the same time, and not again later', async () => {
    const [one, two] = await Promise.all([
      controlPlaneBinaries({ env, module }),
      controlPlaneBinaries({ env, module }),
    ]);
    assert.deepEqual(one, two);
    await controlPlaneBinaries({ env, module });
    assert.equal(goCalls().length, 1);
    assert.ok(existsSync(one.kubeControllerManager!));
    assert.deepEqual(
      readdirSync(cache).map(name => join(cache, name)),
      [dirname(one.etcd)],
    );
  });

  test('builds again when go.sum or a source changes, beside the old ones', async () => {
    const first = await controlPlaneBinaries({ env, module });
    writeFileSync(join(module, 'go.sum'), 'other\n');
    const second = await controlPlaneBinaries({ env, module });
    writeFileSync(join(module, 'cmd/etcd/main.go'), 'package main // other\n');
    const third = await controlPlaneBinaries({ env, module });
    assert.equal(new Set([first.etcd, second.etcd, third.etcd]).size, 3);
    assert.ok(existsSync(first.etcd));
  });

  test('stamps the version of Kubernetes that go.mod names', async () => {
    const { etcd } = await controlPlaneBinaries({ env, module });
    assert.match(goCalls()[0]!, /version\.gitVersion=v1\.2\.3/);
    assert.match(dirname(etcd), /control-plane-v1\.2\.3-[0-9a-f]{16}$/);
  });

  test('reports what Go said, keeps nothing half built, and builds when tried again', async () => {
    writeGo('echo half > "$out/etcd"; echo "no such package" >&2; exit 3');
    await assert.rejects(controlPlaneBinaries({ env, module }), /go build ended with 3\.\nno such package/);
    assert.deepEqual(readdirSync(cache), []);
    writeGo('for p in etcd kube-apiserver kubectl; do echo x > "$out$p"; done');
    await controlPlaneBinaries({ env, module });
  });

  test('takes over from a builder that died, and removes what it left', async () => {
    const { etcd } = await controlPlaneBinaries({ env, module });
    const built = dirname(etcd);
    rmSync(built, { recursive: true });
    // Process ids end at 2^22 on Linux.
    writeFileSync(`${built}.lock`, '99999999');
    mkdirSync(`${built}.building-dead`);
    await controlPlaneBinaries({ env, module });
    assert.equal(goCalls().length, 2);
    assert.deepEqual(
      readdirSync(cache).map(name => join(cache, name)),
      [built],
    );
  });

  test('takes KUBEBUILDER_ASSETS first, without Go, and names what is missing there', async () => {
    const { etcd } = await controlPlaneBinaries({ env, module });
    const assets = dirname(etcd);
    const found = await controlPlaneBinaries({ env: { KUBEBUILDER_ASSETS: assets, PATH: '' } });
    assert.equal(found.etcd, etcd);
    rmSync(join(assets, 'kubectl'));
    rmSync(join(assets, 'kube-controller-manager'));
    await assert.rejects(controlPlaneBinaries({ env: { KUBEBUILDER_ASSETS: assets } }), /: kubectl missing there/);
  });

  test('says what to install where Go is missing', async () => {
    await assert.rejects(
      controlPlaneBinaries({ env: { ...env, PATH: folder }, module }),
      /no "go" on the PATH\. Install the Go that/,
    );
  });

  test('keeps what it builds outside of the repository', () => {
    assert.equal(cacheFolder({ NLBPORTS_CACHE: '/a', XDG_CACHE_HOME: '/b', HOME: '/c' }), '/a');
    assert.equal(cacheFolder({ XDG_CACHE_HOME: '/b', HOME: '/c' }), '/b/nlbports');
    assert.equal(cacheFolder({ HOME: '/c' }), '/c/.cache/nlbports');
  });

  function writeModule(): void {
    for (const program of ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']) {
      mkdirSync(join(module, 'cmd', program), { recursive: true });
      writeFileSync(join(module, 'cmd', program, 'main.go'), 'package main\n');
    }
    writeFileSync(join(module, 'go.mod'), 'module m\n\nrequire (\n\tk8s.io/kubernetes v1.2.3\n)\n');
    writeFileSync(join(module, 'go.sum'), 'sums\n');
  }

  function writeGo(body: string): void {
    mkdirSync(join(folder, 'bin'), { recursive: true });
    const findOutput = 'prev=; for a; do [ "$prev" = -o ] && out=$a; prev=$a; done';
    writeFileSync(join(folder, 'bin', 'go'), `#!/bin/sh\necho "$*" >> "${folder}/calls"\n${findOutput}\n${body}\n`);
    chmodSync(join(folder, 'bin', 'go'), 0o755);
  }

  function goCalls(): string[] {
    return readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  }
});
