import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorReason } from '../api/errors.ts';
import { AwsError, type AwsErrorKind } from './aws-error.ts';
import * as sets from './error-sets.ts';
import { asResult, toCodedError } from './to-coded-error.ts';

const answered = (errorCode: string, httpStatus = 400, message = 'words of AWS') =>
  new AwsError({ kind: 'answered', action: 'CreateListener', errorCode, message, httpStatus, requestId: 'request-1' });
const unanswered = (kind: AwsErrorKind, errorCode: string) =>
  new AwsError({ kind, action: 'CreateListener', errorCode, message: 'words' });

test('toCodedError() finds the reason by code, with and without the suffix of the SDK', () => {
  const expected: Record<string, ErrorReason> = {
    AccessDenied: 'AwsAccessDenied',
    AccessDeniedException: 'AwsAccessDenied',
    UnauthorizedOperation: 'AwsAccessDenied',
    ExpiredToken: 'AwsNoCredentials',
    ExpiredTokenException: 'AwsNoCredentials',
    InvalidClientTokenId: 'AwsNoCredentials',
    UnrecognizedClientException: 'AwsNoCredentials',
    SignatureDoesNotMatch: 'AwsNoCredentials',
    Throttling: 'AwsThrottled',
    ThrottlingException: 'AwsThrottled',
    RequestLimitExceeded: 'AwsThrottled',
    TooManyListeners: 'AwsQuotaExceeded',
    TooManyTargetGroupsException: 'AwsQuotaExceeded',
    TargetGroupAssociationLimit: 'AwsQuotaExceeded',
    ResourceInUseException: 'AwsResourceInUse',
    LoadBalancerNotFound: 'LoadBalancerNotFound',
    InternalFailure: 'AwsServerError',
    TargetGroupNotFound: 'AwsRejected',
    ValidationError: 'AwsRejected',
    SomethingNew: 'AwsRejected',
  };
  for (const [code, reason] of Object.entries(expected))
    assert.equal(toCodedError(answered(code)).reason, reason, code);
  assert.equal(toCodedError(answered('SomethingNew', 503)).reason, 'AwsServerError');
  assert.equal(toCodedError(answered('Throttling', 503)).reason, 'AwsThrottled');
  assert.equal(toCodedError(unanswered('no-answer', 'ECONNRESET')).reason, 'AwsNoAnswer');
  assert.equal(toCodedError(unanswered('no-credentials', 'CredentialsProviderError')).reason, 'AwsNoCredentials');
  assert.equal(toCodedError(unanswered('no-region', 'NoRegion')).reason, 'AwsNoRegion');
});

test('toCodedError() never reads the words of an answer', () => {
  const misleading = answered('ValidationError', 400, 'AccessDenied: Throttling, LoadBalancerNotFound, ResourceInUse');
  assert.equal(toCodedError(misleading).reason, 'AwsRejected');
});

test("toCodedError() tells action, AWS's code and words, and the request id", () => {
  const coded = toCodedError(answered('AccessDenied', 403, 'User: x is not authorized'));
  assert.deepEqual(coded.aws, { action: 'CreateListener', errorCode: 'AccessDenied', requestId: 'request-1' });
  assert.equal(
    coded.message,
    'NLBP-4001: Cannot CreateListener: AWS answered AccessDenied (request request-1): User: x is not authorized',
  );
});

test('a code means nothing where AWS did not answer', () => {
  const local = unanswered('no-answer', 'AccessDenied');
  const answeredSets = [sets.isAccessDenied, sets.isNotFound, sets.isThrottled, sets.isServerError];
  assert.deepEqual(
    answeredSets.map(holds => holds(local)),
    [false, false, false, false],
  );
});

test('asResult() throws on what is neither a refusal of AWS nor of ours', async () => {
  await assert.rejects(
    asResult(async () => {
      throw new TypeError('a mistake');
    }),
    TypeError,
  );
});
