import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts';

/** A transport for tests whose every answer is written by hand, byte by byte, with all that can go wrong on a wire. */
export interface Wire {
  transport: KubeTransport;
  /** Every request so far, in order. */
  calls: WireCall[];
  /** The last request. */
  last(): WireCall;
}

export interface WireCall {
  request: KubeRequest;
  /** The query's parameters. */
  query: URLSearchParams;
  aborted(): boolean;
  /** Answers whole. */
  answer(status: number, body: unknown, headers?: Record<string, string>): void;
  /** Answers with headers, and a body that is written piece by piece. */
  begin(status?: number): WireStream;
  /** No answer: the connection broke. */
  fail(message?: string): void;
}

export interface WireStream {
  /** Sends text as it is, whole lines or not. */
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** Sends one event of a watch. */
  event(type: string, object: unknown): void;
  end(): void;
  cut(message?: string): void;
}

export function createWire(): Wire {
  const calls: WireCall[] = [];
  const transport: KubeTransport = {
    request(request) {
      return new Promise<KubeResponse>((resolve, reject) => {
        const onAbort = () => reject(request.signal?.reason ?? new Error('aborted'));
        request.signal?.addEventListener('abort', onAbort, { once: true });
        calls.push({
          request,
          query: new URL(request.path, 'http://wire').searchParams,
          aborted: () => request.signal?.aborted ?? false,
          answer(status, body, headers = {}) {
            const text = typeof body === 'string' ? body : JSON.stringify(body);
            resolve({ status, headers, body: once(text) });
          },
          begin(status = 200) {
            const pieces = createPieces(request.signal);
            resolve({ status, headers: {}, body: pieces.body });
            return pieces.stream;
          },
          fail: (message = 'read ECONNRESET') => reject(new Error(message)),
        });
      });
    },
    async close() {},
  };
  return { transport, calls, last: () => calls.at(-1)! };
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}

function createPieces(signal: AbortSignal | undefined): { body: AsyncIterable<Uint8Array>; stream: WireStream } {
  const queue: (Uint8Array | 'end' | Error)[] = [];
  let wake = () => {};
  const push = (piece: Uint8Array | 'end' | Error) => {
    queue.push(piece);
    wake();
  };
  signal?.addEventListener('abort', () => push(new Error('aborted')), { once: true });
  async function* read(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = queue.shift();
      if (piece === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      } else if (piece === 'end') {
        return;
      } else if (piece instanceof Error) {
        throw piece;
      } else {
        yield piece;
      }
    }
  }
  const text = (value: string) => push(new TextEncoder().encode(value));
  return {
    body: read(),
    stream: {
      text,
      bytes: push,
      event: (type, object) => text(`${JSON.stringify({ type, object })}\n`),
      end: () => push('end'),
      cut: (message = 'other side closed') => push(new Error(message)),
    },
  };
}
