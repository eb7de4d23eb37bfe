import type { RequestHandler } from '../aws/elbv2-client.ts';
import type { KubeRequest, KubeTransport } from '../kube/transport.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { Random } from '../runtime/random.ts';
import { lateStream } from '../sandbox/cluster/late-stream.ts';

/** One request that a process is about to send. */
export interface Io {
  /** 1 for the process's first request; watches are not counted. */
  index: number;
  side: 'kubernetes' | 'aws';
  mutating: boolean;
  /** As in `PATCH /api/v1/...`, or the form-encoded body of an AWS call. */
  what: string;
}

/**
 * What goes wrong with a request. `unsent`: it never arrives. `unanswered`: it is carried out, and the connection breaks
 * before the answer. `doubled`: it arrives twice, and the second answer is the one that counts. The next two end the
 * whole process there. Or it takes that much longer to arrive, or for its answer to come back; or it goes astray: the
 * connection breaks at once, and something on the way delivers it that much later.
 */
export type IoFault =
  | 'unsent'
  | 'unanswered'
  | 'doubled'
  | 'dies before'
  | 'dies after'
  | { arrivesLateMs: number }
  | { answersLateMs: number }
  | { straysMs: number };

/** Drawn evenly from the first to the second number, milliseconds. */
export type Latency = readonly [minMs: number, maxMs: number];

export interface WireOptions {
  /** Each way of a request to the Kubernetes API. @default [1, 5] */
  kubernetesMs?: Latency;
  /** From a change to its arrival on a watch, by the watch's path where they differ; the order is kept. @default [1, 20] */
  watchMs?: Latency | ((path: string) => Latency);
  /** Each way of a call to AWS. @default [5, 40] */
  awsMs?: Latency;
  /** Asked for every request but watches. */
  fault?: (io: Io) => IoFault | undefined;
  /** Called when a fault has ended the process. */
  onDeath?: () => void;
  /** What a process that stands still must wait for before it learns anything; undefined while it runs. */
  whenRunning?: () => Promise<void> | undefined;
}

/** What stands between one process and the world: distance, and what goes wrong. */
export interface Wires {
  transport: KubeTransport;
  requestHandler: RequestHandler;
  /** Requests so far, watches not counted. */
  readonly count: number;
  /** Cuts everything off for good, as the death of the process does: what has left still arrives. */
  cut(): void;
}

export interface WiresDeps {
  clock: Clock;
  random: Random;
  transport: KubeTransport;
  requestHandler: RequestHandler;
}

/** Makes the wires of one process. */
export function createWires(deps: WiresDeps, options: WireOptions = {}): Wires {
  const { clock, random } = deps;
  const { kubernetesMs = [1, 5], watchMs = [1, 20], awsMs = [5, 40], fault } = options;
  let count = 0;
  let dead = false;
  const draw = ([minMs, maxMs]: Latency) => minMs + random.next() * (maxMs - minMs);
  const broken = () => Object.assign(new Error('The connection was reset'), { code: 'ECONNRESET' });

  async function carry<T>(io: Omit<Io, 'index'>, latency: Latency, send: () => Promise<T>): Promise<T> {
    if (dead) throw broken();
    count += 1;
    const struck = fault?.({ ...io, index: count });
    if (struck === 'dies before') die();
    if (struck === 'unsent' || dead) throw broken();
    if (isLate(struck, 'straysMs')) {
      clock.after(struck.straysMs, () => void send().catch(() => {}));
      throw broken();
    }
    await sleep(clock, draw(latency) + (isLate(struck, 'arrivesLateMs') ? struck.arrivesLateMs : 0));
    if (struck === 'doubled') await send().catch(() => {});
    const answer = await send();
    if (struck === 'dies after') die();
    if (struck === 'unanswered') throw broken();
    await sleep(clock, draw(latency) + (isLate(struck, 'answersLateMs') ? struck.answersLateMs : 0));
    await options.whenRunning?.();
    if (dead) throw broken();
    return answer;
  }

  function die(): void {
    if (dead) return;
    dead = true;
    options.onDeath?.();
  }

  async function watch(request: KubeRequest) {
    if (dead) throw broken();
    await sleep(clock, draw(kubernetesMs));
    const answer = await deps.transport.request(request);
    const latency = typeof watchMs === 'function' ? watchMs(request.path) : watchMs;
    const before = async () => {
      await options.whenRunning?.();
      if (dead) throw broken();
    };
    return { ...answer, body: lateStream(clock, answer.body, { delayMs: () => draw(latency), before }) };
  }

  return {
    get count() {
      return count;
    },
    cut: die,
    transport: {
      request(request) {
        if (request.stream) return watch(request);
        const { method, path } = request;
        const io = { side: 'kubernetes' as const, mutating: method !== 'GET', what: `${method} ${path}` };
        return carry(io, kubernetesMs, () => deps.transport.request(request));
      },
      close: async () => {},
    },
    requestHandler: {
      handle(request, handlerOptions) {
        const what = String(request.body ?? '');
        const io = { side: 'aws' as const, mutating: !/(^|&)Action=Describe/.test(what), what };
        return carry(io, awsMs, () => deps.requestHandler.handle(request, handlerOptions));
      },
    },
  };
}

function isLate<K extends string>(fault: IoFault | undefined, how: K): fault is IoFault & Record<K, number> {
  return typeof fault === 'object' && how in fault;
}
