import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { AwsError, awsErrorFrom, NotWanted, type SeenAnswer, unsentError } from './aws-error.ts';
import type { Budget } from './budget.ts';
import { createCredentialsSource } from './credentials-source.ts';
import type { CallOptions, CallPriority, Elbv2Action, Elbv2Api, Elbv2Calls } from './elbv2-api.ts';
import { type Attempt, createElbv2Client, type Elbv2Client, type Elbv2ClientOptions } from './elbv2-client.ts';
import { isNoAnswer, isServerError, isThrottled } from './error-sets.ts';

/** One attempt at a call, for metrics. */
export interface AttemptReport {
  action: Elbv2Action;
  priority: CallPriority;
  /** From leaving to the whole answer. */
  durationMs: number;
  /** Waited for the budget before leaving. */
  budgetWaitMs: number;
  /** AWS's code, `none` where it succeeded, `NotWanted` where it was kept back. */
  errorCode: string;
  httpStatus: number | undefined;
  requestId: string | undefined;
}

export interface Elbv2ApiDeps extends Omit<Elbv2ClientOptions, 'requestTimeoutMs'> {
  clock: Clock;
  random: Random;
  log: Log;
  budget: Budget;
  observer?: ((report: AttemptReport) => void) | undefined;
  /** A call without an answer is given up after this. @default 5000, far below any quarantine worth its name */
  attemptTimeoutMs?: number | undefined;
}

/** How often and how fast a call is repeated. All of our calls may be repeated: each says what is to be, not what to add. */
export const retryRules = {
  /** Attempts in all where AWS gives no answer or a fault of its own; then the caller's own queue takes over. */
  attempts: 3,
  /** Before the second attempt; doubled for the third; each by a chance of half to the whole more. */
  backoffMs: 300,
  /**
   * A call that is throttled this often, and since this long, is given back to its caller, so that the user reads why
   * it waits. Often, since the wait between two attempts may be long where many calls wait.
   */
  throttledAttempts: 10,
  throttledForMs: 60_000,
} as const;

/**
 * The door to AWS: credentials, then the budget, then signing, then the last look, then out, in this order, for every
 * attempt. Throttled calls keep their place and are repeated; answers of 5xx and silence are repeated a few times.
 */
export function createElbv2Api(deps: Elbv2ApiDeps): Elbv2Api & { close(): void } {
  const { clock, random, log, budget, observer, attemptTimeoutMs = 5000 } = deps;
  // Sockets are closed a little later than the attempt is given up by the clock, which is the one that decides.
  const client = createElbv2Client({ ...deps, requestTimeoutMs: attemptTimeoutMs + 1000 });
  const credentials = createCredentialsSource({ clock, find: client.credentials });

  async function call<A extends Elbv2Action>(action: A, input: Elbv2Calls[A][0], options: CallOptions) {
    const { priority, signal } = options;
    const place = budget.enter(action, options);
    let failures = 0;
    let throttledAttempts = 0;
    let throttledSinceMs: number | undefined;
    for (;;) {
      await ready(action);
      const budgetWaitMs = await place.take().catch((): never => {
        throw new NotWanted(action);
      });
      const attempt = await attemptOnce(client, clock, action, input, options, attemptTimeoutMs);
      const { error, answer } = attempt;
      const throttled = error instanceof AwsError && isThrottled(error);
      place.done(!attempt.left ? 'unsent' : throttled ? 'throttled' : 'answered');
      const report: AttemptReport = {
        action,
        priority,
        durationMs: attempt.durationMs,
        budgetWaitMs,
        errorCode: error === undefined ? 'none' : error instanceof AwsError ? error.errorCode : error.name,
        httpStatus: answer?.httpStatus,
        requestId: (error instanceof AwsError ? error.requestId : undefined) ?? answer?.requestId,
      };
      observer?.(report);
      log.debug({ ...report, awsRequestId: report.requestId }, 'AWS call');
      if (error === undefined) return attempt.output as Elbv2Calls[A][1];
      if (!(error instanceof AwsError)) throw error;
      if (throttled) {
        throttledAttempts += 1;
        throttledSinceMs ??= clock.monotonicMs();
        const longEnough = clock.monotonicMs() - throttledSinceMs >= retryRules.throttledForMs;
        if (longEnough && throttledAttempts >= retryRules.throttledAttempts) throw error;
        continue;
      }
      if (!isNoAnswer(error) && !isServerError(error)) throw error;
      failures += 1;
      if (failures >= retryRules.attempts) throw error;
      await sleep(clock, retryRules.backoffMs * 2 ** (failures - 1) * (1 + random.next() / 2), signal);
    }
  }

  /** Before the budget, so that missing credentials are told at once and cost nobody a token. */
  async function ready(action: Elbv2Action): Promise<void> {
    await client.region().catch((cause): never => {
      throw new AwsError({ kind: 'no-region', action, errorCode: 'NoRegion', message: '', cause });
    });
    await credentials().catch((cause): never => {
      throw unsentError(action, cause);
    });
  }

  return { call, close: () => client.close() };
}

interface Outcome {
  /** Whether the request went out of the door. */
  left: boolean;
  durationMs: number;
  answer: SeenAnswer | undefined;
  output?: unknown;
  error?: AwsError | NotWanted | undefined;
}

async function attemptOnce<A extends Elbv2Action>(
  client: Elbv2Client,
  clock: Clock,
  action: A,
  input: Elbv2Calls[A][0],
  options: CallOptions,
  timeoutMs: number,
): Promise<Outcome> {
  const abort = new AbortController();
  const outcome: Outcome = { left: false, durationMs: 0, answer: undefined };
  let startedMs = clock.monotonicMs();
  let ended: AwsError | NotWanted | undefined;

  /** Ends the attempt from outside, even where the socket never would. */
  let giveUp: (error: AwsError | NotWanted) => void = () => {};
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = error => {
      ended ??= error;
      abort.abort();
      reject(ended);
    };
  });
  const onAbort = () => giveUp(new NotWanted(action));
  const timer = clock.after(timeoutMs, () => {
    const message = `no answer within ${timeoutMs / 1000} s`;
    giveUp(new AwsError({ kind: 'no-answer', action, errorCode: 'TimeoutError', message, ...outcome.answer }));
  });
  options.signal?.addEventListener('abort', onAbort, { once: true });

  const attempt: Attempt = {
    atDoor() {
      if (ended === undefined && (options.signal?.aborted || options.stillWanted?.() === false)) {
        ended = new NotWanted(action);
      }
      if (ended) throw ended;
      outcome.left = true;
      startedMs = clock.monotonicMs();
    },
    onAnswer(httpStatus, requestId) {
      outcome.answer = { httpStatus, requestId };
    },
  };
  try {
    outcome.output = await Promise.race([client.send(action, input, abort.signal, attempt), givenUp]);
  } catch (thrown) {
    outcome.error =
      ended ?? (outcome.left ? awsErrorFrom(action, thrown, outcome.answer) : unsentError(action, thrown));
  } finally {
    timer.cancel();
    options.signal?.removeEventListener('abort', onAbort);
    outcome.durationMs = clock.monotonicMs() - startedMs;
  }
  return outcome;
}
