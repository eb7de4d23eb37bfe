import type { ElbHandler } from './elbv2.ts';

/** What the AWS SDK hands to its `requestHandler`, as far as it is used here. */
interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Record<string, string | (string | null)[] | null>;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** A `requestHandler` for the AWS SDK for JavaScript that asks an emulator in this process, without any socket. */
export interface SdkRequestHandler {
  handle(
    request: SdkRequest,
    options?: { abortSignal?: unknown },
  ): Promise<{ response: { statusCode: number; headers: Record<string, string>; body: Uint8Array } }>;
  destroy(): void;
}

/** `new ElasticLoadBalancingV2Client({ region, credentials, requestHandler: sdkRequestHandler(emulator.handle) })`. */
export function sdkRequestHandler(handle: ElbHandler): SdkRequestHandler {
  return {
    async handle(request, options = {}) {
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(request.headers)) headers[name.toLowerCase()] = value;
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(request.query ?? {})) {
        for (const single of Array.isArray(value) ? value : [value]) query.append(name, single ?? '');
      }
      const path = query.size > 0 ? `${request.path}?${query}` : request.path;
      const answer = handle({ method: request.method, path, headers, body: bodyText(request.body) });
      const {
        status,
        headers: answerHeaders,
        body,
      } = await abortable(answer, options.abortSignal as AbortSignal | undefined);
      return { response: { statusCode: status, headers: answerHeaders, body: Buffer.from(body) } };
    },
    destroy() {},
  };
}

function bodyText(body: unknown): string {
  if (body === undefined || body === null) return '';
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString('utf8');
  throw new TypeError('Cannot send a body that is neither text nor bytes to the emulator');
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(Object.assign(new Error('Request aborted'), { name: 'AbortError' }));
    if (signal.aborted) {
      abort();
      // Nobody waits for what becomes of it any more.
      promise.catch(() => {});
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
