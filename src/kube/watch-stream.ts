import type { Clock } from '../runtime/clock.ts';
import { answerError, isStatus, statusError } from './answer-error.ts';
import { readText } from './exchange.ts';
import { KubeNoAnswer } from './kube-error.ts';
import type { KubeObject } from './objects.ts';
import type { KubeTransport } from './transport.ts';

/** One line of a watch. A bookmark's object has metadata only. */
export interface WatchEvent<T extends KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

export interface WatchStreamDeps {
  transport: KubeTransport;
  clock: Clock;
}

export interface WatchStreamOptions<T extends KubeObject> {
  path: string;
  signal: AbortSignal;
  /** Longest silence, before the headers as well, after which the connection counts as dead. */
  idleMs: number;
  /** Longest line, in characters; an object is at most 1.5 MiB in etcd, and base64 and escapes make it longer. */
  maxLineChars?: number;
  onEvent: (event: WatchEvent<T>) => void;
}

/**
 * Follows one watch until the server ends it, which is the only way this resolves. Rejects with the `KubeError` of an
 * answer or of an ERROR event, and with `KubeNoAnswer` where the stream was silent, broke, was aborted or made no sense.
 * Only whole lines count: what a cut connection left of one is thrown away.
 */
export async function followWatch<T extends KubeObject>(
  deps: WatchStreamDeps,
  options: WatchStreamOptions<T>,
): Promise<void> {
  const { path, signal, idleMs, maxLineChars = 8_000_000, onEvent } = options;
  if (signal.aborted) throw new KubeNoAnswer('The watch was aborted.');
  const abort = new AbortController();
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  givenUp.catch(() => {});
  const giveUp = (why: string) => {
    const error = new KubeNoAnswer(why);
    reject(error);
    abort.abort(error);
  };
  const onAbort = () => giveUp('The watch was aborted.');
  signal.addEventListener('abort', onAbort, { once: true });

  // One timer that looks at the time of the last byte, rather than a new timer for each piece of a busy stream.
  let heardAtMs = deps.clock.monotonicMs();
  const check = () => {
    const restMs = heardAtMs + idleMs - deps.clock.monotonicMs();
    if (restMs <= 0) giveUp(`The watch was silent for ${idleMs} ms.`);
    else timer = deps.clock.after(Math.ceil(restMs), check);
  };
  let timer = deps.clock.after(idleMs, check);

  let iterator: AsyncIterator<Uint8Array> | undefined;
  try {
    const response = await Promise.race([
      deps.transport.request({
        method: 'GET',
        path,
        headers: { accept: 'application/json' },
        signal: abort.signal,
        stream: true,
      }),
      givenUp,
    ]);
    heardAtMs = deps.clock.monotonicMs();
    if (response.status !== 200) {
      const text = await Promise.race([readText(response.body), givenUp]);
      throw answerError(response.status, response.headers, text);
    }
    iterator = response.body[Symbol.asyncIterator]();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const next = await Promise.race([iterator.next(), givenUp]);
      heardAtMs = deps.clock.monotonicMs();
      if (next.done) break;
      const text = decoder.decode(next.value, { stream: true });
      let from = 0;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
        const line = rest + text.slice(from, end);
        rest = '';
        from = end + 1;
        if (line.trim() === '') continue;
        onEvent(parseEvent<T>(line));
        if (signal.aborted) throw new KubeNoAnswer('The watch was aborted.');
      }
      rest += text.slice(from);
      if (rest.length > maxLineChars) throw new KubeNoAnswer(`A line of the watch passed ${maxLineChars} characters.`);
    }
    if (rest.trim() !== '') throw new KubeNoAnswer('The watch ended in the middle of a line.');
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    abort.abort();
    // Not awaited: the return of a body that waits for its next piece may never come.
    iterator?.return?.().catch(() => {});
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: { type?: unknown; object?: unknown };
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    throw new KubeNoAnswer('A line of the watch is not JSON.');
  }
  const { type, object } = event ?? {};
  if (type === 'ERROR') {
    throw isStatus(object) ? statusError(object) : new KubeNoAnswer('The watch sent an error without a Status.');
  }
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK') {
    throw new KubeNoAnswer(`The watch sent an event of unknown type ${JSON.stringify(type)}.`);
  }
  const metadata = (object as { metadata?: { name?: unknown; resourceVersion?: unknown } } | undefined)?.metadata;
  if (typeof metadata?.resourceVersion !== 'string' || (type !== 'BOOKMARK' && typeof metadata.name !== 'string')) {
    throw new KubeNoAnswer(`The watch sent a ${type} without a name or resourceVersion.`);
  }
  return { type, object: object as T };
}
