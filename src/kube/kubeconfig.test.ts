import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { virtualClock } from '../runtime/virtual-clock.ts';
import { ConnectionConfigError } from './connection-config.ts';
import { kubeconfigConfig } from './kubeconfig.ts';
import { loadConnection } from './load-connection.ts';

const folder = mkdtempSync(join(tmpdir(), 'nlbports-kubeconfig-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string, name = `file-${++files}`): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const PEM = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig with one context; the cluster's and the user's settings are given as flow YAML. */
const kubeconfig = (user: string, cluster = 'server: "https://10.0.0.1:6443"', name = 'main') => `
apiVersion: v1
kind: Config
current-context: ${name}
clusters: [{ name: ${name}, cluster: { ${cluster} } }]
users: [{ name: ${name}, user: { ${user} } }]
contexts: [{ name: ${name}, context: { cluster: ${name}, user: ${name}, namespace: game } }]
`;

const deps = (clock = virtualClock()) => ({ clock, env: { PATH: process.env.PATH }, interactive: false });
const load = (text: string) => kubeconfigConfig(deps(), [file(text)]);

test('a token, the CA as data and the TLS settings are taken', async () => {
  const config = await load(
    kubeconfig(
      'token: secret',
      `server: "https://example.com/k8s/", certificate-authority-data: ${base64(PEM)}, tls-server-name: api.internal`,
    ),
  );
  assert.equal(config.server, 'https://example.com/k8s/');
  assert.equal(config.namespace, 'game');
  assert.equal(config.tlsServerName, 'api.internal');
  assert.equal(config.insecureSkipTlsVerify, false);
  assert.match(config.source, /context "main"/);
  assert.deepEqual(await config.credentials(), { ca: PEM, headers: { authorization: 'Bearer secret' } });
});

test('insecure-skip-tls-verify, basic authentication and impersonation are taken', async () => {
  const config = await load(
    kubeconfig(
      'username: me, password: "päss", as: other, as-uid: "7", as-groups: [ops]',
      'server: "https://10.0.0.1", insecure-skip-tls-verify: true',
    ),
  );
  assert.equal(config.insecureSkipTlsVerify, true);
  assert.deepEqual((await config.credentials()).headers, {
    authorization: `Basic ${base64('me:päss')}`,
    'impersonate-user': 'other',
    'impersonate-uid': '7',
    'impersonate-group': 'ops',
  });
});

test('relative paths start at the file that says them, and rotated files are read again', async () => {
  mkdirSync(join(folder, 'pki'));
  for (const name of ['ca', 'crt', 'key']) file(`${name}-1`, `pki/${name}`);
  file('token-1\n', 'pki/token');
  const clock = virtualClock();
  const text = kubeconfig(
    'client-certificate: pki/crt, client-key: pki/key, tokenFile: pki/token, token: older',
    'server: "https://10.0.0.1", certificate-authority: pki/ca',
  );
  const config = await kubeconfigConfig(deps(clock), [file(text)]);
  const first = { ca: 'ca-1', certificate: 'crt-1', key: 'key-1', headers: { authorization: 'Bearer token-1' } };
  assert.deepEqual(await config.credentials(), first);
  file('token-2', 'pki/token');
  await clock.advance(59_000);
  assert.deepEqual(await config.credentials(), first);
  await clock.advance(1_000);
  assert.equal((await config.credentials()).headers.authorization, 'Bearer token-2');
  file('token-3', 'pki/token');
  const rejected = await config.credentials();
  assert.equal((await config.credentials(rejected)).headers.authorization, 'Bearer token-3', 'at once after a 401');
  rmSync(join(folder, 'pki/token'));
  await clock.advance(61_000);
  assert.equal((await config.credentials()).headers.authorization, 'Bearer token-3', 'a file missing for a moment');
});

/** A credential program that counts its runs in a file, and prints the count as the token. */
function program(body: string): string {
  const path = file(`#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('an exec plugin is run once, again when its credential runs out, and again after a 401', async () => {
  const count = file('0');
  const command = program(`
n=$(( $(cat ${count}) + 1 )); echo $n > ${count}
echo "{\\"apiVersion\\":\\"client.authentication.k8s.io/v1\\",\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$ROLE-$1-$n\\",\\"expirationTimestamp\\":\\"2026-01-01T00:10:00Z\\"}}"`);
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const text = kubeconfig(
    `exec: { apiVersion: client.authentication.k8s.io/v1, command: "${command}", args: [eks], env: [{ name: ROLE, value: admin }], interactiveMode: Never }`,
  );
  const config = await kubeconfigConfig(deps(clock), [file(text)]);
  const token = async (rejected?: Awaited<ReturnType<typeof config.credentials>>) =>
    (await config.credentials(rejected)).headers.authorization;
  assert.equal(await token(), 'Bearer admin-eks-1');
  assert.deepEqual(await Promise.all([token(), token()]), ['Bearer admin-eks-1', 'Bearer admin-eks-1']);
  const used = await config.credentials();
  assert.deepEqual(await Promise.all([token(used), token(used)]), ['Bearer admin-eks-2', 'Bearer admin-eks-2']);
  assert.equal(await token(used), 'Bearer admin-eks-2', 'a late 401 of the old one asks for no third');
  await clock.advance(595_000);
  assert.equal(await token(), 'Bearer admin-eks-3');
});

test('an exec plugin is told its version and, where asked, its cluster; and may give a certificate', async () => {
  const seen = join(folder, 'seen');
  const command = program(`
printf '%s' "$KUBERNETES_EXEC_INFO" > ${seen}
echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"clientCertificateData":"C","clientKeyData":"K"}}'`);
  const name = command.slice(folder.length + 1);
  const config = await load(
    kubeconfig(
      `exec: { apiVersion: client.authentication.k8s.io/v1beta1, command: "./${name}", provideClusterInfo: true }`,
    ),
  );
  assert.deepEqual(await config.credentials(), { certificate: 'C', key: 'K', headers: {} });
  const { readFileSync } = await import('node:fs');
  assert.deepEqual(JSON.parse(readFileSync(seen, 'utf8')), {
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    kind: 'ExecCredential',
    spec: { interactive: false, cluster: { server: 'https://10.0.0.1:6443' } },
  });
});

test('an exec plugin that fails is told in a sentence', async () => {
  const v1 = 'apiVersion: client.authentication.k8s.io/v1';
  const cases: [string, RegExp][] = [
    [`exec: { ${v1}, command: no-such-program, installHint: Install it. }`, /was not found\. Install it\./],
    [`exec: { ${v1}, command: "${program('echo no login >&2; exit 3')}" }`, /exit code 3: no login/],
    [`exec: { ${v1}, command: "${program('echo hello')}" }`, /not JSON/],
    [`exec: { ${v1}, command: "${program('echo "{}"')}" }`, /no ExecCredential/],
    [`exec: { ${v1}, command: sh, interactiveMode: Always }`, /no terminal/],
    ['exec: { apiVersion: client.authentication.k8s.io/v1alpha1, command: sh }', /apiVersion/],
  ];
  for (const [user, message] of cases) {
    const config = await load(kubeconfig(user));
    await assert.rejects(config.credentials(), (error: Error) => {
      assert.ok(error instanceof ConnectionConfigError);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('what is missing, malformed or not supported is told in a sentence', async () => {
  const cases: [string, RegExp][] = [
    ['{', /not YAML/],
    ['', /holds no settings/],
    ['clusters: 7', /clusters is no list/],
    ['users: [{ user: {} }]', /an entry of users/],
    ['apiVersion: v1', /names no current-context/],
    ['current-context: x', /no context "x"/],
    ['{ current-context: x, contexts: [{ name: x, context: { cluster: c } }] }', /cluster "c", which it does not have/],
    [kubeconfig('').replace('user: main,', 'user: nobody,'), /user "nobody", which it does not have/],
    [kubeconfig('', 'server: "10.0.0.1:6443"'), /an http or https URL wanted/],
    [kubeconfig('', 'server: "https://a", proxy-url: "http://b"'), /proxy-url/],
    [kubeconfig('auth-provider: { name: oidc }'), /auth-provider/],
    [kubeconfig(`client-certificate-data: ${base64(PEM)}`), /without its key/],
    [kubeconfig('client-certificate-data: "!!", client-key-data: "!!"'), /not PEM/],
    [kubeconfig('tokenFile: gone'), /tokenFile can't be read/],
    [kubeconfig('exec: { apiVersion: x }'), /names no command/],
    [kubeconfig('exec: { command: x, interactiveMode: Maybe }'), /interactiveMode "Maybe"/],
  ];
  for (const [text, message] of cases) {
    await assert.rejects(load(text), (error: Error) => {
      assert.ok(error instanceof ConnectionConfigError, `${error} for ${text}`);
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(kubeconfigConfig(deps(), [join(folder, 'nowhere')]), /there is no such file/);
  await assert.rejects(kubeconfigConfig(deps(), [folder]), /Cannot read kubeconfig/);
});

test('several files are joined, the first to name a thing wins, and any context may be asked for', async () => {
  const first = file(kubeconfig('token: one', 'server: "https://one"', 'one'));
  const second = file(
    `${kubeconfig('token: two', 'server: "https://two"', 'two').replace('users: [', 'users: [{ name: one, user: { token: not-this } }, ')}`,
  );
  const paths = [first, join(folder, 'nowhere'), second];
  const config = await kubeconfigConfig(deps(), paths);
  assert.equal(config.server, 'https://one');
  assert.equal((await config.credentials()).headers.authorization, 'Bearer one');
  assert.equal((await kubeconfigConfig(deps(), paths, 'two')).server, 'https://two');
});

test('loadConnection() looks at the flag, KUBECONFIG, the service account and the home folder, in this order', async () => {
  const flag = file(kubeconfig('token: a', 'server: "https://flag"'));
  const listed = file(kubeconfig('token: a', 'server: "https://listed"'));
  const home = join(folder, 'home');
  mkdirSync(join(home, '.kube'), { recursive: true });
  file(kubeconfig('token: a', 'server: "https://home"'), 'home/.kube/config');
  const account = join(folder, 'account');
  mkdirSync(account);
  file('token-1', 'account/token');
  file(PEM, 'account/ca.crt');
  file('game', 'account/namespace');
  const inPod = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const clock = virtualClock();
  const from = async (env: Record<string, string>, homeDirectory: string, kubeconfigFlag?: string) =>
    await loadConnection(
      { clock, env, interactive: false, homeDirectory, serviceAccountDirectory: account },
      { kubeconfig: kubeconfigFlag },
    );
  const everything = { ...inPod, KUBECONFIG: ['', listed].join(delimiter) };
  assert.equal((await from(everything, home, flag)).server, 'https://flag');
  assert.equal((await from(everything, home)).server, 'https://listed');
  const inCluster = await from(inPod, home);
  assert.equal(inCluster.server, 'https://[fd00::1]:443');
  assert.equal(inCluster.namespace, 'game');
  assert.equal((await from({}, home)).server, 'https://home');
  await assert.rejects(from({}, join(folder, 'nobody')), ConnectionConfigError);
  // A broken choice is told, not passed over.
  await assert.rejects(from({ ...inPod, KUBECONFIG: join(folder, 'nowhere') }, home), ConnectionConfigError);

  assert.equal((await inCluster.credentials()).headers.authorization, 'Bearer token-1');
  file('token-2', 'account/token');
  const used = await inCluster.credentials();
  assert.equal(used.headers.authorization, 'Bearer token-1');
  assert.equal((await inCluster.credentials(used)).headers.authorization, 'Bearer token-2', 'at once after a 401');
  file('token-3', 'account/token');
  await clock.advance(60_000);
  assert.deepEqual(await inCluster.credentials(), { ca: PEM.trim(), headers: { authorization: 'Bearer token-3' } });
  file('', 'account/token');
  await clock.advance(60_000);
  assert.equal((await inCluster.credentials()).headers.authorization, 'Bearer token-3');
  await assert.rejects(from(inPod, home), /is empty/);
});
