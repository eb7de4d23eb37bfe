import { AwsError } from './aws-error.ts';

/** Who signed a request, for which region and service. */
export interface Caller {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

/** What `authenticate` reads of a request; header names in lower case. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The query string without its question mark. */
  readonly query: string;
}

/**
 * Reads the signature's scope and its age; the signature itself is not verified, so any credentials will do. A
 * signature more than `maxAgeMs` from the emulator's clock is refused in the words of the query services of AWS
 * (`SignatureDoesNotMatch`, 403, "Signature expired: …"; seen in many issue threads of the SDKs).
 */
export function authenticate(request: SignedRequest, nowMs: number, maxAgeMs: number): Caller {
  const header = request.headers.authorization;
  let credential: string | undefined;
  let date = request.headers['x-amz-date'];
  if (header !== undefined) {
    if (!header.startsWith('AWS4-HMAC-SHA256 ')) {
      throw new AwsError(
        'IncompleteSignature',
        `Unsupported AWS 'algorithm' in the Authorization header: '${header.slice(0, 60)}'`,
        400,
      );
    }
    credential = /Credential=([^,\s]+)/.exec(header)?.[1];
    for (const [name, value] of [
      ['Credential', credential],
      ['Signature', /Signature=([^,\s]+)/.exec(header)?.[1]],
      ['SignedHeaders', /SignedHeaders=([^,\s]+)/.exec(header)?.[1]],
    ]) {
      if (value === undefined) {
        throw new AwsError(
          'IncompleteSignature',
          `Authorization header requires '${name}' parameter. Authorization=${header.slice(0, 200)}`,
          400,
        );
      }
    }
  } else if (request.query.includes('X-Amz-Credential=')) {
    const parameters = new URLSearchParams(request.query);
    credential = parameters.get('X-Amz-Credential') ?? undefined;
    date = parameters.get('X-Amz-Date') ?? undefined;
  }
  if (credential === undefined) {
    throw new AwsError('MissingAuthenticationToken', 'Missing Authentication Token', 403);
  }
  const [accessKeyId, , region, service, ending, more] = credential.split('/');
  if (
    !accessKeyId ||
    !region ||
    !service ||
    ending !== 'aws4_request' ||
    more !== undefined ||
    !/^[a-z0-9-]{1,40}$/.test(region)
  ) {
    throw new AwsError(
      'IncompleteSignature',
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential.slice(0, 200)}'`,
      400,
    );
  }
  checkAge(date, nowMs, maxAgeMs);
  return { accessKeyId, region, service };
}

function checkAge(date: string | undefined, nowMs: number, maxAgeMs: number): void {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date ?? '');
  if (!match) {
    throw new AwsError(
      'IncompleteSignature',
      `Date must be in ISO-8601 'basic format'. Got '${(date ?? '').slice(0, 60)}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      400,
    );
  }
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const signedMs = Date.UTC(year!, month! - 1, day, hour, minute, second);
  const age = `${maxAgeMs / 60_000} min.`;
  if (signedMs < nowMs - maxAgeMs) {
    throw new AwsError(
      'SignatureDoesNotMatch',
      `Signature expired: ${date} is now earlier than ${basicTime(nowMs - maxAgeMs)} (${basicTime(nowMs)} - ${age})`,
      403,
    );
  }
  // The date has whole seconds, so it may only lag.
  if (signedMs > nowMs + maxAgeMs) {
    throw new AwsError(
      'SignatureDoesNotMatch',
      `Signature not yet current: ${date} is still later than ${basicTime(nowMs + maxAgeMs)} (${basicTime(nowMs)} + ${age})`,
      403,
    );
  }
}

function basicTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}
