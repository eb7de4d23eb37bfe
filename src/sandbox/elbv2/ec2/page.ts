import { AwsError } from '../aws-error.ts';
import type { Input } from '../input.ts';

/** One page of `items` by `MaxResults` (5 to 1000, D) and `NextToken`. */
export function ec2Page<T>(
  input: Input,
  items: readonly T[],
  byId: boolean,
): { page: readonly T[]; nextToken: string | undefined } {
  const written = input.text('MaxResults');
  if (written !== undefined && byId)
    throw new AwsError('InvalidParameterCombination', 'The parameter MaxResults cannot be used together with IDs');
  const size = written === undefined ? items.length : Number(/^\d{1,6}$/.test(written) ? written : Number.NaN);
  if (written !== undefined && !(size >= 5 && size <= 1000)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Value ( ${written.slice(0, 40)} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
    );
  }
  const start = readToken(input.text('NextToken'));
  const end = start + size;
  return { page: items.slice(start, end), nextToken: end < items.length ? writeToken(end) : undefined };
}

function writeToken(start: number): string {
  return Buffer.from(`from:${start}`).toString('base64url');
}

function readToken(token: string | undefined): number {
  if (token === undefined || token === '') return 0;
  const match = /^from:(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString());
  if (!match) throw new AwsError('InvalidParameterValue', 'Unable to parse pagination token');
  return Number(match[1]);
}
