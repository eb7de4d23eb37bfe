import { type Clock, sleep } from '../runtime/clock.ts';
import type { Lease } from './objects.ts';
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts';

/** What becomes of one request on its way. */
export interface LeaseFault {
  /** On the way there. */
  delayMs?: number;
  /** Never arrives; the sender learns nothing. */
  lost?: boolean;
  /** On the way back. */
  answerDelayMs?: number;
  /** Is carried out, but the answer does not come. */
  answerLost?: boolean;
  /** Answered with this status instead of being carried out. */
  status?: number;
}

/** One Lease behind the API's words for it: get, create, update with resourceVersion, list and watch. */
export interface LeaseApi {
  /** A way to it for one process; `fault` decides about each of its requests. */
  transport(fault?: (request: KubeRequest) => LeaseFault): KubeTransport;
  lease(): Lease | undefined;
  /** Changes the Lease behind everyone's back. */
  set(change: (lease: Lease) => Lease): void;
  remove(): void;
  /** Every write carried out, in order. */
  writes: { atMs: number; holder: string }[];
}

export function createLeaseApi(clock: Clock): LeaseApi {
  let version = 100;
  let stored: Lease | undefined;
  const watchers = new Set<(line: string) => void>();
  const writes: LeaseApi['writes'] = [];
  const json = (status: number, value: unknown): KubeResponse => ({
    status,
    headers: {},
    body: (async function* () {
      yield new TextEncoder().encode(JSON.stringify(value));
    })(),
  });
  const refuse = (code: number, reason: string) => json(code, { kind: 'Status', code, reason, message: reason });

  function tell(type: string, lease: Lease): void {
    for (const send of watchers) send(`${JSON.stringify({ type, object: lease })}\n`);
  }

  function store(lease: Lease): Lease {
    version += 1;
    const type = stored ? 'MODIFIED' : 'ADDED';
    stored = structuredClone({
      ...lease,
      metadata: { ...lease.metadata, uid: 'lease', resourceVersion: `${version}` },
    });
    writes.push({ atMs: clock.monotonicMs(), holder: stored.spec.holderIdentity ?? '' });
    tell(type, stored);
    return stored;
  }

  function carryOut(request: KubeRequest): KubeResponse {
    if (request.stream) return json(422, { kind: 'Status', code: 422, reason: 'Invalid' });
    if (request.method === 'GET' && request.path.includes('?')) {
      return json(200, { metadata: { resourceVersion: `${version}` }, items: stored ? [stored] : [] });
    }
    if (request.method === 'GET') return stored ? json(200, stored) : refuse(404, 'NotFound');
    const sent = JSON.parse(request.body!) as Lease;
    if (request.method === 'POST') return stored ? refuse(409, 'AlreadyExists') : json(201, store(sent));
    if (!stored) return refuse(404, 'NotFound');
    if (sent.metadata.resourceVersion !== stored.metadata.resourceVersion) return refuse(409, 'Conflict');
    return json(200, store(sent));
  }

  function watch(request: KubeRequest, fault: () => LeaseFault): KubeResponse {
    const queue: string[] = [];
    let wake = () => {};
    const send = (line: string) => {
      if (fault().lost) return;
      queue.push(line);
      wake();
    };
    watchers.add(send);
    request.signal?.addEventListener('abort', () => {
      watchers.delete(send);
      wake();
    });
    // Begun before the list's version was passed on, so that nothing is missed: send what is newer.
    const from = new URL(request.path, 'http://api').searchParams.get('resourceVersion') ?? '0';
    if (stored && Number(stored.metadata.resourceVersion) > Number(from)) {
      send(`${JSON.stringify({ type: 'MODIFIED', object: stored })}\n`);
    }
    async function* read(): AsyncGenerator<Uint8Array> {
      while (!request.signal?.aborted) {
        const line = queue.shift();
        if (line !== undefined) yield new TextEncoder().encode(line);
        else await new Promise<void>(resolve => (wake = resolve));
      }
    }
    return { status: 200, headers: {}, body: read() };
  }

  return {
    transport: (fault = () => ({})) => ({
      async request(request) {
        const decided = fault(request);
        if (decided.delayMs) await sleep(clock, decided.delayMs);
        if (decided.lost) return await new Promise<never>(() => {});
        if (decided.status) return refuse(decided.status, 'ServiceUnavailable');
        const isPlainWatch = request.stream && !request.path.includes('sendInitialEvents');
        const response = isPlainWatch ? watch(request, () => fault(request)) : carryOut(request);
        if (decided.answerDelayMs) await sleep(clock, decided.answerDelayMs);
        if (decided.answerLost) return await new Promise<never>(() => {});
        return response;
      },
      async close() {},
    }),
    lease: () => stored,
    set(change) {
      store(change(stored!));
    },
    remove() {
      version += 1;
      const last = { ...stored!, metadata: { ...stored!.metadata, resourceVersion: `${version}` } };
      stored = undefined;
      tell('DELETED', last);
    },
    writes,
  };
}
