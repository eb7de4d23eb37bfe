import { readFile } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, resolve } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { type ConnectionConfig, ConnectionConfigError, type Credentials } from './connection-config.ts';
import { type ExecConfig, type ExecCredential, runExecPlugin } from './exec-credential.ts';

export interface KubeconfigDeps {
  clock: Clock;
  env: Readonly<Record<string, string | undefined>>;
  /** True where a person may be asked at a terminal. */
  interactive: boolean;
}

/** A client certificate or token file of a kubeconfig is looked at again this often, as client-go does. */
const REREAD_MS = 60_000;
/** A credential about to expire is renewed this long before, so that a request on its way is not refused. */
const EXPIRY_MARGIN_MS = 10_000;

/**
 * Reads one kubeconfig, or several joined as KUBECONFIG's list (the first to name a thing wins), and takes `context`
 * or the current one. Throws `ConnectionConfigError`.
 *
 * Served: tokens, token files, client certificates as data or files, basic authentication, exec plugins
 * (client.authentication.k8s.io v1 and v1beta1), impersonation, `insecure-skip-tls-verify`, `tls-server-name`. Not
 * served: `auth-provider` (gone from kubectl for all but OIDC) and `proxy-url`, which are refused, not ignored.
 */
export async function kubeconfigConfig(
  deps: KubeconfigDeps,
  paths: readonly string[],
  contextName?: string,
): Promise<ConnectionConfig> {
  const merged = await readAndMerge(paths);
  const where = `kubeconfig ${paths.join(delimiter)}`;
  const fail = (why: string) => new ConnectionConfigError(`Cannot use ${where}: ${why}`);

  const wanted = contextName ?? merged.currentContext;
  if (!wanted) throw fail('it names no current-context, and no context was asked for.');
  const context = merged.contexts.get(wanted);
  if (!context) throw fail(`it has no context "${wanted}".`);
  const clusterName = textOf(context.body, 'cluster') ?? '';
  const cluster = merged.clusters.get(clusterName);
  if (!cluster) throw fail(`context "${wanted}" names cluster "${clusterName}", which it does not have.`);
  const userName = textOf(context.body, 'user');
  const user = userName === undefined ? undefined : merged.users.get(userName);
  if (userName !== undefined && !user)
    throw fail(`context "${wanted}" names user "${userName}", which it does not have.`);

  const server = textOf(cluster.body, 'server') ?? '';
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw fail(`cluster "${clusterName}" has server "${server}": an http or https URL wanted.`);
  }
  if (textOf(cluster.body, 'proxy-url'))
    throw fail(`cluster "${clusterName}" has a proxy-url, which is not supported.`);
  if (user?.body['auth-provider']) {
    throw fail(`user "${userName}" has an auth-provider, which is not supported: use an exec plugin instead.`);
  }

  const insecureSkipTlsVerify = cluster.body['insecure-skip-tls-verify'] === true;
  const readMaterial = async (entry: Entry, data: string, file: string): Promise<string | undefined> => {
    const encoded = textOf(entry.body, data);
    if (encoded !== undefined) {
      const decoded = Buffer.from(encoded, 'base64').toString('utf8');
      if (!decoded.includes('-----BEGIN')) throw fail(`"${data}" is not PEM in base64.`);
      return decoded;
    }
    const path = textOf(entry.body, file);
    return path === undefined ? undefined : await readText(resolve(entry.directory, path), fail, file);
  };

  const readFixed = async (): Promise<Credentials> => {
    const ca = insecureSkipTlsVerify
      ? undefined
      : await readMaterial(cluster, 'certificate-authority-data', 'certificate-authority');
    if (!user) return { headers: {}, ...(ca === undefined ? {} : { ca }) };
    const certificate = await readMaterial(user, 'client-certificate-data', 'client-certificate');
    const key = await readMaterial(user, 'client-key-data', 'client-key');
    if ((certificate === undefined) !== (key === undefined)) {
      throw fail(`user "${userName}" has a client certificate without its key, or a key without its certificate.`);
    }
    const tokenFile = textOf(user.body, 'tokenFile');
    // As in client-go a token file goes before a token.
    const token =
      tokenFile === undefined
        ? textOf(user.body, 'token')
        : (await readText(resolve(user.directory, tokenFile), fail, 'tokenFile')).trim();
    const headers = { ...impersonation(user), ...authorization(user, token) };
    return { headers, ...(ca === undefined ? {} : { ca }), ...(certificate && key ? { certificate, key } : {}) };
  };

  const exec = user && execOf(user, cluster, fail);
  let fixed = await readFixed();
  let fixedAtMs = deps.clock.monotonicMs();
  let running: Promise<ExecCredential> | undefined;
  let given: ExecCredential | undefined;
  let givenAs: Credentials | undefined;

  async function execCredentials(rejected: Credentials | undefined): Promise<Credentials> {
    const expired = given?.expiresAtMs !== undefined && deps.clock.nowMs() > given.expiresAtMs - EXPIRY_MARGIN_MS;
    // Several requests may be refused at once: only one that used the credential of now asks for another.
    const refused = rejected !== undefined && rejected === givenAs;
    if (!given || expired || refused) {
      running ??= runExecPlugin(deps, exec!).finally(() => {
        running = undefined;
      });
      const fresh = await running;
      if (fresh !== given) {
        given = fresh;
        givenAs = undefined;
      }
    }
    givenAs ??= {
      ...fixed,
      headers: { ...fixed.headers, ...(given!.token ? { authorization: `Bearer ${given!.token}` } : {}) },
      ...(given!.certificate && given!.key ? { certificate: given!.certificate, key: given!.key } : {}),
    };
    return givenAs;
  }

  return {
    server,
    source: `${where}, context "${wanted}"`,
    namespace: textOf(context.body, 'namespace'),
    insecureSkipTlsVerify,
    tlsServerName: textOf(cluster.body, 'tls-server-name'),
    async credentials(rejected) {
      if (rejected || deps.clock.monotonicMs() - fixedAtMs >= REREAD_MS) {
        // A file that is being replaced may be missing for a moment; what was read is still good.
        const read = await readFixed().catch(() => fixed);
        fixedAtMs = deps.clock.monotonicMs();
        if (JSON.stringify(read) !== JSON.stringify(fixed)) {
          fixed = read;
          givenAs = undefined;
        }
      }
      return exec ? await execCredentials(rejected) : fixed;
    },
  };
}

/** A named cluster, user or context, and the folder that its relative paths start from. */
interface Entry {
  body: Record<string, unknown>;
  directory: string;
}

interface Merged {
  currentContext: string | undefined;
  clusters: Map<string, Entry>;
  users: Map<string, Entry>;
  contexts: Map<string, Entry>;
}

async function readAndMerge(paths: readonly string[]): Promise<Merged> {
  const merged: Merged = { currentContext: undefined, clusters: new Map(), users: new Map(), contexts: new Map() };
  const missing: string[] = [];
  for (const path of paths) {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      // Of a list some files may be missing, as for kubectl; not all of them.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        throw new ConnectionConfigError(`Cannot read kubeconfig ${path}: ${(error as Error).message}.`);
      }
      missing.push(path);
      continue;
    }
    mergeOne(merged, path, await parse(path, text));
  }
  if (missing.length === paths.length) {
    throw new ConnectionConfigError(`Cannot read kubeconfig ${missing.join(delimiter)}: there is no such file.`);
  }
  return merged;
}

async function parse(path: string, text: string): Promise<Record<string, unknown>> {
  // Loaded here because in a cluster no YAML is read.
  const { parse: parseYaml } = await import('yaml');
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (error) {
    const line = (error as Error).message.split('\n', 1)[0]!.replace(/[:.]$/, '');
    throw new ConnectionConfigError(`Cannot read kubeconfig ${path}: it is not YAML: ${line}.`);
  }
  if (!isRecord(parsed)) throw new ConnectionConfigError(`Cannot read kubeconfig ${path}: it holds no settings.`);
  return parsed;
}

function mergeOne(merged: Merged, path: string, file: Record<string, unknown>): void {
  merged.currentContext ??= textOf(file, 'current-context');
  const directory = dirname(resolve(path));
  const parts = [
    ['clusters', 'cluster', merged.clusters],
    ['users', 'user', merged.users],
    ['contexts', 'context', merged.contexts],
  ] as const;
  for (const [list, inner, into] of parts) {
    const entries = file[list] ?? [];
    if (!Array.isArray(entries)) throw new ConnectionConfigError(`Cannot read kubeconfig ${path}: ${list} is no list.`);
    for (const entry of entries) {
      const name = isRecord(entry) ? textOf(entry, 'name') : undefined;
      const body = isRecord(entry) ? (entry[inner] ?? {}) : undefined;
      if (name === undefined || !isRecord(body)) {
        throw new ConnectionConfigError(
          `Cannot read kubeconfig ${path}: an entry of ${list} has no name or is no map.`,
        );
      }
      if (!into.has(name)) into.set(name, { body, directory });
    }
  }
}

function execOf(user: Entry, cluster: Entry, fail: (why: string) => Error): ExecConfig | undefined {
  const exec = user.body.exec;
  if (exec === undefined || exec === null) return undefined;
  if (!isRecord(exec)) throw fail('a user\'s "exec" is no map.');
  const command = textOf(exec, 'command');
  if (!command) throw fail('a user\'s "exec" names no command.');
  const mode = textOf(exec, 'interactiveMode') ?? 'IfAvailable';
  if (mode !== 'Never' && mode !== 'IfAvailable' && mode !== 'Always') {
    throw fail(`a user's "exec" has interactiveMode "${mode}": Never, IfAvailable or Always wanted.`);
  }
  const env: Record<string, string> = {};
  for (const each of Array.isArray(exec.env) ? exec.env : []) {
    const name = isRecord(each) ? textOf(each, 'name') : undefined;
    if (name !== undefined) env[name] = textOf(each as Record<string, unknown>, 'value') ?? '';
  }
  return {
    apiVersion: textOf(exec, 'apiVersion') ?? '',
    // A path is relative to the file that says it, a bare name is looked up in PATH.
    command: /[/\\]/.test(command) && !isAbsolute(command) ? resolve(user.directory, command) : command,
    args: Array.isArray(exec.args) ? exec.args.map(String) : [],
    env,
    installHint: textOf(exec, 'installHint'),
    interactiveMode: mode,
    cluster: exec.provideClusterInfo === true ? execCluster(cluster) : undefined,
  };
}

/** The cluster in the words of ExecCredential's spec. */
function execCluster({ body }: Entry): Record<string, unknown> {
  const config = (Array.isArray(body.extensions) ? body.extensions : []).find(
    each => isRecord(each) && each.name === 'client.authentication.k8s.io/exec',
  ) as { extension?: unknown } | undefined;
  return {
    server: body.server,
    'tls-server-name': body['tls-server-name'],
    'insecure-skip-tls-verify': body['insecure-skip-tls-verify'],
    'certificate-authority-data': body['certificate-authority-data'],
    config: config?.extension,
  };
}

function authorization(user: Entry, token: string | undefined): Record<string, string> {
  if (token) return { authorization: `Bearer ${token}` };
  const name = textOf(user.body, 'username');
  if (!name) return {};
  const pair = `${name}:${textOf(user.body, 'password') ?? ''}`;
  return { authorization: `Basic ${Buffer.from(pair, 'utf8').toString('base64')}` };
}

function impersonation(user: Entry): Record<string, string> {
  const headers: Record<string, string> = {};
  const as = textOf(user.body, 'as');
  if (as) headers['impersonate-user'] = as;
  const uid = textOf(user.body, 'as-uid');
  if (uid) headers['impersonate-uid'] = uid;
  const groups = user.body['as-groups'];
  // One header per group is what the API server reads; several can't be told apart in one.
  if (Array.isArray(groups) && groups.length === 1) headers['impersonate-group'] = String(groups[0]);
  else if (Array.isArray(groups) && groups.length > 1) {
    throw new ConnectionConfigError('Cannot use the kubeconfig: as-groups with more than one group is not supported.');
  }
  return headers;
}

async function readText(path: string, fail: (why: string) => Error, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fail(`its ${what} can't be read: ${(error as Error).message}.`);
  }
}

function textOf(body: Record<string, unknown>, name: string): string | undefined {
  const value = body[name];
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
