import type { Clock } from '../runtime/clock.ts';
import { answerError } from './answer-error.ts';
import { KubeError, KubeNoAnswer } from './kube-error.ts';
import type { KubeRequest, KubeTransport } from './transport.ts';

export interface ExchangeDeps {
  transport: KubeTransport;
  clock: Clock;
}

export interface ExchangeLimits {
  /** From sending to the last byte of the answer. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Sends one request and reads its whole answer as JSON. Throws `KubeError` for an answer other than 2xx, and
 * `KubeNoAnswer` where the connection broke, the time ran out, the caller aborted, or what came is not whole JSON.
 */
export async function exchange(deps: ExchangeDeps, request: KubeRequest, limits: ExchangeLimits): Promise<unknown> {
  const what = `${request.method} ${request.path.split('?', 1)[0]}`;
  const abort = new AbortController();
  // A transport is asked to stop by the signal; the race makes it true even of one that does not listen.
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  givenUp.catch(() => {});
  const giveUp = (why: string) => {
    const error = new KubeNoAnswer(`${what}: ${why}`);
    reject(error);
    abort.abort(error);
  };
  const onAbort = () => giveUp('aborted by the caller');
  if (limits.signal?.aborted) throw new KubeNoAnswer(`${what}: aborted by the caller before it was sent`);
  const timer = deps.clock.after(limits.timeoutMs, () => giveUp(`no whole answer within ${limits.timeoutMs} ms`));
  limits.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const response = await Promise.race([deps.transport.request({ ...request, signal: abort.signal }), givenUp]);
    const text = await Promise.race([readText(response.body), givenUp]);
    if (response.status < 200 || response.status > 299) throw answerError(response.status, response.headers, text);
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof KubeError || error instanceof KubeNoAnswer) throw error;
    throw new KubeNoAnswer(`${what}: ${reasonOf(error)}`, { cause: error });
  } finally {
    timer.cancel();
    limits.signal?.removeEventListener('abort', onAbort);
  }
}

/** Reads a body to its end as UTF-8. */
export async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** What an error says, with the cause that undici and Node wrap. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  const cause = error.cause instanceof Error && error.cause.message !== error.message ? `: ${error.cause.message}` : '';
  return `${error.message || (typeof code === 'string' ? code : error.name)}${cause}`;
}
