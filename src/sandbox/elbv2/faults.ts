import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { randomHex } from '../../runtime/random.ts';
import type { ElbHandler, ElbRequest, ElbResponse } from './elbv2.ts';
import { parseInput } from './input.ts';
import { errorXml } from './xml.ts';

/**
 * What goes wrong:
 * - `throttle`: answered `Throttling`, nothing done.
 * - `error`: answered 500 `InternalFailure` (or `status`, `code`), nothing done.
 * - `late`: done after `delayMs`.
 * - `lost`: done, but the client gets no answer: the connection breaks.
 * - `lost-error`: done, but the client is told 500.
 * - `dropped`: neither done nor answered.
 * - `hang`: done, but the answer comes only after `delayMs`, which should be beyond the client's patience.
 * - `stale`: a describe is answered as the same describe was up to `delayMs` ago; where it was not asked before, the
 *   answer is the present one.
 */
export type FaultKind = 'throttle' | 'error' | 'late' | 'lost' | 'lost-error' | 'dropped' | 'hang' | 'stale';

/** One rule of what goes wrong, and when. */
export interface Fault {
  readonly kind: FaultKind;
  /** Actions that it strikes; default: all. */
  readonly actions?: readonly string[];
  /** Only calls whose body holds this text, as an ARN or a name (form-encoded). */
  readonly contains?: string;
  /** Share of those calls, 0 to 1; default: 1. */
  readonly probability?: number;
  /** How many calls it strikes before it is over; default: no end. */
  readonly times?: number;
  /** How many matching calls it lets pass first; default: 0. */
  readonly after?: number;
  /** For `late`, `hang` and `stale`: milliseconds; default: 1000. */
  readonly delayMs?: number;
  /** For `error` and `lost-error`: HTTP status; default: 500. */
  readonly status?: number;
  /** For `error` and `lost-error`: AWS error code; default: InternalFailure. */
  readonly code?: string;
}

/** Raised by the wrapped handler where the client shall see its connection break instead of an answer. */
export class LostAnswer extends Error {
  /** What Node's HTTP clients see. */
  readonly code = 'ECONNRESET';
  constructor() {
    super('The connection was reset before an answer came');
    this.name = 'LostAnswer';
  }
}

/** A handler that goes wrong as told. */
export interface FaultyHandler {
  readonly handle: ElbHandler;
  /** Replaces all rules. The first one that strikes a call wins. */
  set(faults: readonly Fault[]): void;
  /** The rules with how many calls each has struck. */
  list(): (Fault & { struck: number })[];
}

/** Wraps `handle`. `random` decides for faults with a probability. */
export function withFaults(deps: {
  handle: ElbHandler;
  clock: Clock;
  random: Random;
  faults?: readonly Fault[];
}): FaultyHandler {
  const { clock, random } = deps;
  let rules: { fault: Fault; seen: number; struck: number }[] = [];
  // Answers to describes by their body, for `stale`; the first of each that is young enough is what a stale one shows.
  const remembered = new Map<string, { atMs: number; response: ElbResponse }[]>();
  const set = (faults: readonly Fault[]) => {
    rules = faults.map(fault => ({ fault, seen: 0, struck: 0 }));
    remembered.clear();
  };
  set(deps.faults ?? []);

  function strike(request: ElbRequest, action: string): Fault | undefined {
    for (const rule of rules) {
      const { fault } = rule;
      if (fault.actions && !fault.actions.includes(action)) continue;
      if (fault.contains !== undefined && !request.body.includes(fault.contains)) continue;
      if (fault.kind === 'stale' && !action.startsWith('Describe')) continue;
      if (rule.struck >= (fault.times ?? Number.POSITIVE_INFINITY)) continue;
      if (rule.seen++ < (fault.after ?? 0)) continue;
      if (fault.probability !== undefined && random.next() >= fault.probability) continue;
      rule.struck++;
      return fault;
    }
    return undefined;
  }

  function refusal(code: string, message: string, status: number): ElbResponse {
    const requestId = `fault-${randomHex(random, 12)}`;
    return {
      status,
      headers: {
        'content-type': 'text/xml',
        'x-amzn-requestid': requestId,
        date: new Date(clock.nowMs()).toUTCString(),
      },
      body: errorXml({ code, message, status }, requestId),
    };
  }

  async function stale(request: ElbRequest, windowMs: number): Promise<ElbResponse> {
    const since = clock.nowMs() - windowMs;
    const old = remembered.get(request.body)?.find(answer => answer.atMs >= since);
    return old?.response ?? deps.handle(request);
  }

  async function answer(request: ElbRequest, fault: Fault | undefined): Promise<ElbResponse> {
    const delayMs = fault?.delayMs ?? 1000;
    switch (fault?.kind) {
      case undefined:
        return deps.handle(request);
      case 'throttle':
        return refusal('Throttling', 'Rate exceeded', 400);
      case 'error':
        return refusal(fault.code ?? 'InternalFailure', 'A fault was asked for', fault.status ?? 500);
      case 'late':
        await sleep(clock, delayMs);
        return deps.handle(request);
      case 'lost':
        await deps.handle(request);
        throw new LostAnswer();
      case 'lost-error':
        await deps.handle(request);
        return refusal(fault.code ?? 'InternalFailure', 'A fault was asked for', fault.status ?? 500);
      case 'dropped':
        throw new LostAnswer();
      case 'hang': {
        const response = await deps.handle(request);
        await sleep(clock, delayMs);
        return response;
      }
      case 'stale':
        return stale(request, delayMs);
    }
  }

  return {
    set,
    list: () => rules.map(({ fault, struck }) => ({ ...fault, struck })),
    async handle(request) {
      if (rules.length === 0) return deps.handle(request);
      const action = actionOf(request);
      const response = await answer(request, strike(request, action));
      const staleMs = Math.max(0, ...rules.map(({ fault }) => (fault.kind === 'stale' ? (fault.delayMs ?? 1000) : 0)));
      if (staleMs > 0 && action.startsWith('Describe')) {
        const answers = (remembered.get(request.body) ?? []).filter(({ atMs }) => atMs >= clock.nowMs() - staleMs);
        answers.push({ atMs: clock.nowMs(), response });
        remembered.set(request.body, answers);
      }
      return response;
    },
  };
}

function actionOf(request: ElbRequest): string {
  // Cheap for the usual body, which begins with the action or has it after the version.
  const match = /(?:^|&)Action=([A-Za-z]+)/.exec(request.body);
  if (match) return match[1]!;
  const question = request.path.indexOf('?');
  return question < 0 ? '' : (parseInput(request.path.slice(question + 1)).text('Action') ?? '');
}

const kinds: readonly FaultKind[] = ['throttle', 'error', 'late', 'lost', 'lost-error', 'dropped', 'hang', 'stale'];

/** Reads faults as JSON has them; a sentence where they are not right. */
export function readFaults(value: unknown): { ok: true; faults: Fault[] } | { ok: false; message: string } {
  if (!Array.isArray(value))
    return { ok: false, message: 'Faults are a list, as in [{"kind":"throttle","probability":0.5}].' };
  for (const [index, fault] of value.entries()) {
    const problem = faultProblem(fault);
    if (problem !== undefined) return { ok: false, message: `Fault ${index}: ${problem}` };
  }
  return { ok: true, faults: value as Fault[] };
}

function faultProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'wanted an object.';
  const fault = value as Record<string, unknown>;
  if (!kinds.includes(fault.kind as FaultKind)) return `kind must be one of ${kinds.join(', ')}.`;
  const known = new Set(['kind', 'actions', 'contains', 'probability', 'times', 'after', 'delayMs', 'status', 'code']);
  for (const [name, field] of Object.entries(fault)) {
    if (!known.has(name)) return `unknown field "${name}".`;
    if (name === 'actions' && !(Array.isArray(field) && field.every(item => typeof item === 'string')))
      return 'actions must be a list of names.';
    if ((name === 'contains' || name === 'code') && typeof field !== 'string') return `${name} must be a text.`;
    if (
      ['probability', 'times', 'after', 'delayMs', 'status'].includes(name) &&
      !(typeof field === 'number' && field >= 0)
    ) {
      return `${name} must be a number of 0 or more.`;
    }
  }
  return undefined;
}
