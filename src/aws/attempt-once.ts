import type { Clock } from '../runtime/clock.ts';
import { AwsError, awsErrorFrom, NotWanted, type SeenAnswer, unsentError } from './aws-error.ts';
import type { CallOptions, Elbv2Action, Elbv2Calls } from './elbv2-api.ts';
import type { Attempt, Elbv2Client } from './elbv2-client.ts';

/** How an attempt went. */
export interface Outcome {
  /** Whether the request went out of the door. */
  left: boolean;
  durationMs: number;
  answer: SeenAnswer | undefined;
  output?: unknown;
  error?: AwsError | NotWanted | undefined;
}

/**
 * Sends a call once. It ends after `timeoutMs` by the clock whatever the socket does, and at once where its signal is
 * aborted; `stillWanted` is asked when the request is signed and about to leave.
 */
export async function attemptOnce<A extends Elbv2Action>(
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
      abort.abort(ended);
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
