import type { KubeRequest, KubeResponse, KubeTransport } from '../../kube/transport.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { ApiError, expired } from './api-error.ts';
import { errorResponse } from './api-handler.ts';
import { wholeBody } from './chunk-stream.ts';
import { bytesOf } from './json-text.ts';
import { lateStream } from './late-stream.ts';

/**
 * What goes wrong. With any request:
 * - `throttle`: answered 429 with a Retry-After, nothing done.
 * - `error`: answered 500 (or `status`), nothing done.
 * - `late`: done after `delayMs`.
 * - `lost`: done, but the connection breaks before the answer.
 * - `lost-error`: done, but the client is told 500 (or `status`).
 * - `dropped`: neither done nor answered: the connection breaks.
 * - `hang`: done, but the answer comes only after `delayMs`.
 * - `doubled`: done twice, as by a proxy that tries again; the client gets the second answer.
 *
 * With watches alone:
 * - `cut`: the connection breaks `delayMs` after it began.
 * - `end`: the server ends it in order after `delayMs`.
 * - `expired`: answered 410, as an ERROR event.
 * - `slow`: every piece comes `delayMs` late; as many come as before.
 */
export type KubeFaultKind =
  | 'throttle'
  | 'error'
  | 'late'
  | 'lost'
  | 'lost-error'
  | 'dropped'
  | 'hang'
  | 'doubled'
  | 'cut'
  | 'end'
  | 'expired'
  | 'slow';

/** One rule of what goes wrong, and when. */
export interface KubeFault {
  readonly kind: KubeFaultKind;
  /** Methods that it strikes; default: all. Watches are struck by rules for watches only. */
  readonly methods?: readonly KubeRequest['method'][];
  /** Only requests whose path, query included, holds this text. */
  readonly contains?: string;
  /** Share of those requests, 0 to 1; default: 1. */
  readonly probability?: number;
  /** How many requests it strikes before it is over; default: no end. */
  readonly times?: number;
  /** How many matching requests it lets pass first; default: 0. */
  readonly after?: number;
  /** Milliseconds, for the kinds that wait; default: 1000. */
  readonly delayMs?: number;
  /** For `error` and `lost-error`; default: 500. */
  readonly status?: number;
  /** For `throttle`; default: 1. */
  readonly retryAfterSeconds?: number;
}

/** Raised where the client shall see its connection break instead of an answer. */
export class LostAnswer extends Error {
  override readonly name = 'LostAnswer';
  /** What Node's HTTP clients see. */
  readonly code = 'ECONNRESET';
}

/** A transport that goes wrong as told. */
export interface FaultyTransport {
  readonly transport: KubeTransport;
  /** Replaces all rules. The first one that strikes a request wins. */
  set(faults: readonly KubeFault[]): void;
  /** The rules with how many requests each has struck. */
  list(): (KubeFault & { struck: number })[];
}

const watchKinds = new Set<KubeFaultKind>(['cut', 'end', 'expired', 'slow']);
/** Kinds that strike watches as they strike any other request. */
const anyKinds = new Set<KubeFaultKind>(['throttle', 'error', 'late', 'dropped']);

/** Wraps a transport. `random` decides for faults with a probability. */
export function withFaults(deps: {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  faults?: readonly KubeFault[];
}): FaultyTransport {
  const { transport, clock, random } = deps;
  let rules: { fault: KubeFault; seen: number; struck: number }[] = [];
  const set = (faults: readonly KubeFault[]) => {
    rules = faults.map(fault => ({ fault, seen: 0, struck: 0 }));
  };
  set(deps.faults ?? []);

  function strike(request: KubeRequest): KubeFault | undefined {
    const isWatch = /[?&]watch=(true|1)/.test(request.path);
    for (const rule of rules) {
      const { kind, methods, contains, probability = 1, times = Number.POSITIVE_INFINITY, after = 0 } = rule.fault;
      if (isWatch ? !watchKinds.has(kind) && !anyKinds.has(kind) : watchKinds.has(kind)) continue;
      if (methods && !methods.includes(request.method)) continue;
      if (contains !== undefined && !request.path.includes(contains)) continue;
      if (rule.struck >= times) continue;
      if (rule.seen++ < after) continue;
      if (probability < 1 && random.next() >= probability) continue;
      rule.struck++;
      return rule.fault;
    }
    return undefined;
  }

  async function request(request: KubeRequest): Promise<KubeResponse> {
    const fault = strike(request);
    if (!fault) return await transport.request(request);
    const delayMs = fault.delayMs ?? 1000;
    switch (fault.kind) {
      case 'throttle':
        return throttled(fault.retryAfterSeconds ?? 1);
      case 'error':
        return failed(fault.status ?? 500);
      case 'dropped':
        throw new LostAnswer('The connection was reset before the request was sent.');
      case 'late':
        await sleep(clock, delayMs, request.signal);
        return await transport.request(request);
      case 'lost':
        await drain(await transport.request(request));
        throw new LostAnswer('The connection was reset before an answer came.');
      case 'lost-error':
        await drain(await transport.request(request));
        return failed(fault.status ?? 500);
      case 'hang': {
        const response = await transport.request(request);
        await sleep(clock, delayMs, request.signal);
        if (request.signal?.aborted) throw new DOMException('This operation was aborted', 'AbortError');
        return response;
      }
      case 'doubled':
        await drain(await transport.request(request));
        return await transport.request(request);
      case 'expired':
        return gone();
      default: {
        const response = await transport.request(request);
        const { signal } = request;
        const body =
          fault.kind === 'slow'
            ? lateStream(clock, response.body, { delayMs: () => delayMs, signal })
            : spoil(clock, response.body, fault.kind, delayMs);
        return { ...response, body };
      }
    }
  }

  return {
    transport: { request, close: () => transport.close() },
    set,
    list: () => rules.map(({ fault, struck }) => ({ ...fault, struck })),
  };
}

async function drain(response: KubeResponse): Promise<void> {
  for await (const _ of response.body);
}

function throttled(retryAfterSeconds: number): KubeResponse {
  const message = 'too many requests, please try again later';
  return errorResponse(new ApiError(429, 'TooManyRequests', message, { retryAfterSeconds }));
}

function failed(status: number): KubeResponse {
  const reason = status === 503 ? 'ServiceUnavailable' : status === 504 ? 'Timeout' : 'InternalError';
  return errorResponse(new ApiError(status, reason, 'Internal error occurred: etcdserver: request timed out'));
}

function gone(): KubeResponse {
  const object = expired('too old resource version: 1 (2)').status();
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: wholeBody(bytesOf(`${JSON.stringify({ type: 'ERROR', object })}\n`)),
  };
}

/** The body of a watch, cut or ended. */
async function* spoil(
  clock: Clock,
  body: AsyncIterable<Uint8Array>,
  kind: KubeFaultKind,
  delayMs: number,
): AsyncGenerator<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  let isOver = false;
  let strike = () => {};
  const over = new Promise<undefined>(resolve => {
    strike = () => {
      isOver = true;
      resolve(undefined);
    };
  });
  const timer = clock.after(delayMs, strike);
  try {
    for (;;) {
      const next = await Promise.race([source.next(), over]);
      if (next === undefined || isOver) {
        if (kind === 'cut') throw new LostAnswer('The connection was reset within a watch.');
        return;
      }
      if (next.done) return;
      yield next.value;
    }
  } finally {
    timer.cancel();
    await source.return?.();
  }
}
