/**
 * An answer of AWS that says no. Thrown by the actions and turned into `<ErrorResponse>` in one place, because any
 * depth of an action may end in one, as it is with the service's own clients.
 */
export class AwsError extends Error {
  /** The code on the wire, as `DuplicateListener`. */
  readonly code: string;
  /** HTTP status: 400 for nearly everything, 403 for who you are, 5xx for the service's own faults. */
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
  }
}

/** The common validation error of the query protocol, for a value that the API model refuses. */
export function constraintError(name: string, value: string | null, constraint: string): AwsError {
  const member = name.replace(/(^|\.)([A-Z])/g, (_, dot: string, letter: string) => dot + letter.toLowerCase());
  const shown = value === null ? 'null' : `'${value}'`;
  return new AwsError(
    'ValidationError',
    `1 validation error detected: Value ${shown} at '${member}' failed to satisfy constraint: ${constraint}`,
  );
}

/** A validation error in the service's own words. */
export function validationError(message: string): AwsError {
  return new AwsError('ValidationError', message);
}
