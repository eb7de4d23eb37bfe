import { type Clock, sleep } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { attemptOnce, type Outcome } from './attempt-once.ts';
import { AwsError, NotWanted, unsentError } from './aws-error.ts';
import type { Budget } from './budget.ts';
import { createCredentialsSource } from './credentials-source.ts';
import type { CallOptions, CallPriority, Elbv2Action, Elbv2Api, Elbv2Calls } from './elbv2-api.ts';
import { createElbv2Client, type Elbv2ClientOptions } from './elbv2-client.ts';
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
      await ready(action).catch((error): never => {
        report(action, priority, { error, left: false, durationMs: 0, answer: undefined }, 0);
        throw error;
      });
      const budgetWaitMs = await place.take().catch((): never => {
        throw new NotWanted(action);
      });
      const attempt = await attemptOnce(client, clock, action, input, options, attemptTimeoutMs);
      const { error } = attempt;
      const throttled = error instanceof AwsError && isThrottled(error);
      place.done(!attempt.left ? 'unsent' : throttled ? 'throttled' : 'answered');
      report(action, priority, attempt, budgetWaitMs);
      if (error === undefined) return attempt.output as Elbv2Calls[A][1];
      if (!(error instanceof AwsError)) throw error;
      if (throttled) {
        throttledAttempts += 1;
        throttledSinceMs ??= clock.monotonicMs();
        const longEnough = clock.monotonicMs() - throttledSinceMs >= retryRules.throttledForMs;
        if (longEnough && throttledAttempts >= retryRules.throttledAttempts) throw error;
        continue;
      }
      if (!isRepeated(error)) throw error;
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

  function report(action: Elbv2Action, priority: CallPriority, attempt: Outcome, budgetWaitMs: number): void {
    const { error, answer, durationMs } = attempt;
    const fields: AttemptReport = {
      action,
      priority,
      durationMs,
      budgetWaitMs,
      errorCode: error === undefined ? 'none' : error instanceof AwsError ? error.errorCode : error.name,
      httpStatus: answer?.httpStatus,
      requestId: (error instanceof AwsError ? error.requestId : undefined) ?? answer?.requestId,
    };
    observer?.(fields);
    const { requestId: awsRequestId, ...rest } = fields;
    // The caller tells of errors in the end; what is mended by repeating would else be seen by nobody.
    if (error instanceof AwsError && isRepeated(error)) {
      log.warn({ ...rest, awsRequestId, error: error.message }, `Cannot ${action}: ${error.errorCode}`);
    } else {
      log.debug({ ...rest, awsRequestId }, 'AWS call');
    }
  }

  return { call, close: () => client.close() };
}

/** It may have been carried out or not: a call that is ours may be repeated either way. */
function isRepeated(error: AwsError): boolean {
  return isNoAnswer(error) || (isServerError(error) && !isThrottled(error));
}
