/** An error that the API server answered with, as its Status object says it. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  readonly status: number;
  /** Kubernetes' machine-readable reason, such as `Conflict` or `NotFound`. */
  readonly reason: string;
  /** Wait that the server asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer came: the connection broke or the time ran out. A write may have been carried out. */
export class KubeNoAnswer extends Error {
  override readonly name = 'KubeNoAnswer';
}

/**
 * The reason given to a 404 that names no object: the API server does not serve the path, as when a definition is gone. Of
 * the objects themselves it says nothing.
 */
export const notServed = 'NotServed';

/** The API server does not serve the kind at all. */
export const isNotServed = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 404 && error.reason === notServed;
/** The object is not there. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 404 && error.reason !== notServed;
/** The resourceVersion was not the current one. */
export const isConflict = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 409 && error.reason !== 'AlreadyExists';
export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 409 && error.reason === 'AlreadyExists';
/** A JSON patch's failed test, a uid precondition, or a schema or CEL rule said no: read the object to know which. */
export const isInvalid = (error: unknown): boolean => error instanceof KubeError && error.status === 422;
export const isForbidden = (error: unknown): boolean => error instanceof KubeError && error.status === 403;
/** The resourceVersion is older than what the server remembers. */
export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410;
/**
 * True where a write may or may not have been carried out: no answer, or a 5xx, which the API server also gives when
 * etcd did not answer in time and a load balancer when the API server did not. Look before writing again.
 */
export const isOutcomeUnknown = (error: unknown): boolean =>
  error instanceof KubeNoAnswer || (error instanceof KubeError && error.status >= 500);
