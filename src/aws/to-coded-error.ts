import { type CodedError, codedError, type ErrorReason, type Result } from '../api/errors.ts';
import { AwsError } from './aws-error.ts';
import {
  isAccessDenied,
  isLoadBalancerNotFound,
  isNoAnswer,
  isNoCredentials,
  isQuotaExceeded,
  isResourceInUse,
  isServerError,
  isThrottled,
} from './error-sets.ts';

/** What a user is shown of a call that AWS refused: our reason, and AWS's own code, words and request id. */
export function toCodedError(error: AwsError): CodedError {
  const { action, errorCode, requestId } = error;
  const aws = { action, errorCode, ...(requestId === undefined ? {} : { requestId }) };
  return codedError(reasonOf(error), describe(error), aws);
}

/** Something of someone else is in the way; `answer` is what AWS said about it. */
export class Refusal extends Error {
  readonly reason: ErrorReason;
  readonly answer: AwsError | undefined;
  constructor(reason: ErrorReason, detail: string, answer?: AwsError) {
    super(detail);
    this.reason = reason;
    this.answer = answer;
  }
}

/** Runs `calls`; a refusal, AWS's or ours, becomes a failed result, everything else is thrown on. */
export async function asResult<T>(calls: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await calls() };
  } catch (error) {
    if (error instanceof Refusal) {
      const aws = error.answer && toCodedError(error.answer).aws;
      return { ok: false, error: codedError(error.reason, error.message, aws) };
    }
    if (error instanceof AwsError) return { ok: false, error: toCodedError(error) };
    throw error;
  }
}

function describe(error: AwsError): string {
  const { action, errorCode, requestId } = error;
  const words = error.message === '' ? '' : `: ${error.message}`;
  const request = requestId === undefined ? '' : ` (request ${requestId})`;
  switch (error.kind) {
    case 'answered':
      return `Cannot ${action}: AWS answered ${errorCode}${request}${words}`;
    case 'no-answer':
      return `Cannot ${action}: AWS gave no answer (${errorCode})${request}${words}`;
    case 'no-credentials':
      return `Cannot ${action}: no AWS credentials (${errorCode})${words}`;
    case 'no-region':
      return `Cannot ${action}: no AWS region, AWS_REGION wanted`;
  }
}

// The first set that holds the code decides: AWS throttles with status 503 too.
const reasons: readonly [(error: AwsError) => boolean, ErrorReason][] = [
  [isNoCredentials, 'AwsNoCredentials'],
  [error => error.kind === 'no-region', 'AwsNoRegion'],
  [isAccessDenied, 'AwsAccessDenied'],
  [isThrottled, 'AwsThrottled'],
  [isQuotaExceeded, 'AwsQuotaExceeded'],
  [isResourceInUse, 'AwsResourceInUse'],
  [isLoadBalancerNotFound, 'LoadBalancerNotFound'],
  [isNoAnswer, 'AwsNoAnswer'],
  [isServerError, 'AwsServerError'],
];

function reasonOf(error: AwsError): ErrorReason {
  return reasons.find(([holds]) => holds(error))?.[1] ?? 'AwsRejected';
}
