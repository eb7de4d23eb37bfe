import type { Elbv2Action } from './elbv2-api.ts';

/**
 * What became of a call that brought no result. `answered`: AWS said no. `no-answer`: it was sent and nothing, or
 * nothing readable, came back, so it may have been carried out. `no-credentials` and `no-region`: it was never sent.
 */
export type AwsErrorKind = 'answered' | 'no-answer' | 'no-credentials' | 'no-region';

/** A call to AWS that brought no result. `error-sets.ts` says what the codes mean. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly kind: AwsErrorKind;
  readonly action: Elbv2Action;
  /** AWS's code as on the wire, such as `DuplicateListener`; where AWS did not answer, the system's, as `ECONNREFUSED`. */
  readonly errorCode: string;
  readonly requestId: string | undefined;
  readonly httpStatus: number | undefined;

  constructor(fields: {
    kind: AwsErrorKind;
    action: Elbv2Action;
    errorCode: string;
    message: string;
    requestId?: string | undefined;
    httpStatus?: number | undefined;
    cause?: unknown;
  }) {
    super(fields.message, { cause: fields.cause });
    this.kind = fields.kind;
    this.action = fields.action;
    this.errorCode = fields.errorCode;
    this.requestId = fields.requestId;
    this.httpStatus = fields.httpStatus;
  }
}

/** The call was not sent, or its answer not awaited, because its caller does not want it any more. */
export class NotWanted extends Error {
  override readonly name = 'NotWanted';

  constructor(action: Elbv2Action) {
    super(`Cannot ${action}: it is not wanted any more`);
  }
}

/** What was seen of an answer before the SDK read it. */
export interface SeenAnswer {
  httpStatus: number;
  requestId: string | undefined;
}

/** Makes an `AwsError` from whatever the SDK threw for a call that was on its way; `answer` where one arrived. */
export function awsErrorFrom(action: Elbv2Action, thrown: unknown, answer: SeenAnswer | undefined): AwsError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const fields = error as { code?: unknown; Code?: unknown; $fault?: unknown; RequestId?: unknown };
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  if (answer === undefined) {
    const errorCode = text(fields.code) ?? error.name;
    return new AwsError({ kind: 'no-answer', action, errorCode, message: error.message || errorCode, cause: thrown });
  }
  const common = { action, ...answer, requestId: answer.requestId ?? text(fields.RequestId), cause: thrown };
  // The SDK marks with $fault what it could read as an answer of the service.
  if (fields.$fault !== undefined) {
    const errorCode = text(fields.Code) ?? withoutSuffix(error.name);
    return new AwsError({ kind: 'answered', errorCode, message: error.message, ...common });
  }
  // A proxy's page, or an answer cut short: only its status says whether the call was refused.
  const { httpStatus } = answer;
  const kind = httpStatus >= 400 ? 'answered' : 'no-answer';
  const message = `the answer can not be read: ${error.message}`;
  return new AwsError({ kind, errorCode: `Http${httpStatus}`, message, ...common });
}

/** Makes an `AwsError` from what kept a call from being sent; that is nearly always a want of credentials. */
export function unsentError(action: Elbv2Action, thrown: unknown): AwsError {
  const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new AwsError({ kind: 'no-credentials', action, errorCode: name, message, cause: thrown });
}

/** `DuplicateListenerException` and `DuplicateListener` are one code: the SDK's class names add a suffix. */
export function withoutSuffix(code: string): string {
  return code.endsWith('Exception') ? code.slice(0, -'Exception'.length) : code;
}
