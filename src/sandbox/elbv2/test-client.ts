import type { Clock } from '../../runtime/clock.ts';
import type { ElbHandler } from './elbv2.ts';

/** An answer of the emulator, with its XML at hand as text. */
export interface TestAnswer {
  readonly status: number;
  /** AWS's error code; undefined on success. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly body: string;
  /** The text of the first element of this name, undefined where there is none. */
  text(element: string): string | undefined;
  /** The texts of all elements of this name. */
  texts(element: string): string[];
}

/** Parameters of a call: lists become `Name.member.N`, structures `Name.Field`. */
export type TestParameters = { readonly [name: string]: TestParameter };
type TestParameter = string | number | boolean | readonly TestParameter[] | { readonly [name: string]: TestParameter };

/** Makes calls as if signed at the clock's time; for tests under virtual time, where the SDK's clock is in the way. */
export function testClient(handle: ElbHandler, clock: Clock, options: { region?: string; accessKeyId?: string } = {}) {
  const { region = 'us-east-1', accessKeyId = 'AKIATEST' } = options;
  return async (action: string, parameters: TestParameters = {}): Promise<TestAnswer> => {
    const form = new URLSearchParams({ Action: action, Version: '2015-12-01' });
    for (const [name, value] of Object.entries(parameters)) append(form, name, value);
    const answer = await handle({
      method: 'POST',
      path: '/',
      headers: signatureHeaders(clock.nowMs(), region, accessKeyId),
      body: form.toString(),
    });
    return testAnswer(answer);
  };
}

/** The headers of a signed request; the signature itself is not verified. */
export function signatureHeaders(
  atMs: number,
  region = 'us-east-1',
  accessKeyId = 'AKIATEST',
  service = 'elasticloadbalancing',
) {
  const date = `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  const scope = `${accessKeyId}/${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host;x-amz-date, Signature=00`,
    'x-amz-date': date,
    'content-type': 'application/x-www-form-urlencoded',
  };
}

function testAnswer({ status, body }: { status: number; body: string }): TestAnswer {
  const texts = (element: string) =>
    [...body.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(match => match[1]!);
  const text = (element: string) => texts(element)[0];
  return {
    status,
    code: status === 200 ? undefined : text('Code'),
    message: status === 200 ? undefined : text('Message'),
    body,
    text,
    texts,
  };
}

function append(form: URLSearchParams, name: string, value: TestParameter): void {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries()) append(form, `${name}.member.${index + 1}`, member as TestParameter);
  } else if (typeof value === 'object') {
    for (const [field, inner] of Object.entries(value)) append(form, `${name}.${field}`, inner as TestParameter);
  } else {
    form.append(name, String(value));
  }
}
