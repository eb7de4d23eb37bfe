import type { KubeRequest, KubeTransport } from '../../../kube/transport.ts';
import { sleep, systemClock } from '../../../runtime/clock.ts';

/** Anything that JSON holds: the cases look at any field. */
// biome-ignore lint/suspicious/noExplicitAny: the judge of a server must not depend on the product's types.
export type Loose = any;

/** An answer, read whole. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Loose;
}

/** One line of a watch. */
export interface WatchLine {
  type: string;
  object: Loose;
}

/** A watch that is being read. */
export interface WatchReader {
  status: number;
  /** All lines up to the first for which `last` holds; rejects after 10 s. */
  until(last: (line: WatchLine) => boolean): Promise<WatchLine[]>;
  /** All lines until the server ends the watch; rejects after 10 s. */
  rest(): Promise<WatchLine[]>;
  /** Lines that come within `ms`. */
  within(ms: number): Promise<WatchLine[]>;
  close(): void;
}

/** The API under test, as the cases use it. */
export interface Api {
  /** A namespace of this run's own. */
  namespace: string;
  /** A name that nobody else uses. */
  name(prefix: string): string;
  /** Path of a kind in this run's namespace: `at('pods', 'a')` or `at('leases.coordination.k8s.io/v1')`. */
  at(kind: string, name?: string): string;
  call(method: KubeRequest['method'], path: string, body?: Loose, headers?: Record<string, string>): Promise<Answer>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: Loose): Promise<Answer>;
  put(path: string, body: Loose): Promise<Answer>;
  remove(path: string, options?: Loose): Promise<Answer>;
  merge(path: string, body: Loose): Promise<Answer>;
  json(path: string, operations: Loose): Promise<Answer>;
  strategic(path: string, body: Loose): Promise<Answer>;
  watch(path: string, headers?: Record<string, string>): Promise<WatchReader>;
  /** Calls `look` until it holds, for at most 10 s. */
  eventually<T>(look: () => Promise<T | undefined | false>): Promise<T>;
}

const patienceMs = 10_000;

/** Wraps a transport for the cases. `run` makes names unique between runs. */
export function createApi(transport: Pick<KubeTransport, 'request'>, namespace: string, run: string): Api {
  const clock = systemClock();
  let names = 0;

  async function call(
    method: KubeRequest['method'],
    path: string,
    body?: Loose,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await transport.request({
      method,
      path,
      headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await readText(response.body);
    return { status: response.status, headers: response.headers, body: parseMaybe(text) };
  }

  const patch = (type: string) => (path: string, body: Loose) => call('PATCH', path, body, { 'content-type': type });

  return {
    namespace,
    name: prefix => `${prefix}-${run}-${++names}`,
    at(kind, name) {
      const [, plural, group, version] = /^([a-z]+)(?:\.(.+)\/(.+))?$/.exec(kind)!;
      const base = group ? `/apis/${group}/${version}` : '/api/v1';
      return `${base}/namespaces/${namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
    },
    call,
    get: (path, headers) => call('GET', path, undefined, headers),
    post: (path, body) => call('POST', path, body),
    put: (path, body) => call('PUT', path, body),
    remove: (path, options) => call('DELETE', path, options),
    merge: patch('application/merge-patch+json'),
    json: patch('application/json-patch+json'),
    strategic: patch('application/strategic-merge-patch+json'),
    async watch(path, headers = {}) {
      const abort = new AbortController();
      const response = await transport.request({
        method: 'GET',
        path: `${path}${path.includes('?') ? '&' : '?'}watch=true`,
        headers: { accept: 'application/json', ...headers },
        signal: abort.signal,
        stream: true,
      });
      return createReader(response.status, response.body, abort);
    },
    async eventually(look) {
      const endMs = clock.monotonicMs() + patienceMs;
      for (;;) {
        const found = await look();
        if (found !== undefined && found !== false) return found;
        if (clock.monotonicMs() > endMs) throw new Error('It did not come to pass within 10 s.');
        await sleep(clock, 20);
      }
    },
  };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function parseMaybe(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function createReader(status: number, body: AsyncIterable<Uint8Array>, abort: AbortController): WatchReader {
  const clock = systemClock();
  const lines: WatchLine[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  const read = async () => {
    let text = '';
    try {
      for await (const chunk of body) {
        text += Buffer.from(chunk).toString('utf8');
        for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
          lines.push(JSON.parse(text.slice(0, end)) as WatchLine);
          text = text.slice(end + 1);
        }
        wake?.();
      }
      if (text.trim() !== '') lines.push(JSON.parse(text) as WatchLine);
    } catch {
      // Aborted by close().
    }
    ended = true;
    wake?.();
  };
  void read();

  async function wait(done: () => boolean, limitMs: number, whenLate: () => void): Promise<void> {
    const endMs = clock.monotonicMs() + limitMs;
    while (!done()) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return whenLate();
      await new Promise<void>(resolve => {
        const timer = clock.after(leftMs, resolve);
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }
  const late = () => {
    throw new Error(
      `The watch brought only ${JSON.stringify(lines.map(line => [line.type, line.object?.metadata?.name]))}.`,
    );
  };

  return {
    status,
    async until(last) {
      await wait(() => ended || lines.some(last), patienceMs, late);
      const found = lines.findIndex(last);
      if (found < 0) late();
      return lines.splice(0, found + 1);
    },
    async rest() {
      await wait(() => ended, patienceMs, late);
      return lines.splice(0);
    },
    async within(ms) {
      await wait(
        () => false,
        ms,
        () => {},
      );
      return lines.splice(0);
    },
    close: () => abort.abort(),
  };
}
