import { type AwsError, withoutSuffix } from './aws-error.ts';

/** The load balancer, listener or target group is not there. Every call that names one by ARN or name. */
export function isNotFound(error: AwsError): boolean {
  return isOneOf(error, notFound);
}

/** DescribeLoadBalancers, DescribeTags, DescribeListeners, CreateListener. */
export function isLoadBalancerNotFound(error: AwsError): boolean {
  return isOneOf(error, loadBalancerNotFound);
}

/** Calls of target groups and targets; CreateListener and ModifyListener for the group they point at. */
export function isTargetGroupNotFound(error: AwsError): boolean {
  return isOneOf(error, targetGroupNotFound);
}

/** DescribeListeners, DescribeTags, ModifyListener, DeleteListener. */
export function isListenerNotFound(error: AwsError): boolean {
  return isOneOf(error, listenerNotFound);
}

/** CreateListener, ModifyListener: another listener has the port. */
export function isDuplicateListener(error: AwsError): boolean {
  return isOneOf(error, duplicateListener);
}

/** CreateTargetGroup: another target group, with other settings, has the name. */
export function isDuplicateTargetGroup(error: AwsError): boolean {
  return isOneOf(error, duplicateTargetGroup);
}

/** DeleteTargetGroup while a listener uses it and for a while after; DeleteListener. */
export function isResourceInUse(error: AwsError): boolean {
  return isOneOf(error, resourceInUse);
}

/** CreateListener, CreateTargetGroup, RegisterTargets: a quota of the account, or a fixed limit, is reached. */
export function isQuotaExceeded(error: AwsError): boolean {
  return isOneOf(error, quotaExceeded);
}

/** Every call: the account has called too often. AWS writes it in several ways. */
export function isThrottled(error: AwsError): boolean {
  return isOneOf(error, throttled) || (error.kind === 'answered' && error.httpStatus === 429);
}

/** Every call: who we are is known, and that the call is not allowed to us. */
export function isAccessDenied(error: AwsError): boolean {
  return isOneOf(error, accessDenied);
}

/** Every call: no credentials were found, or AWS does not take them (unknown, expired, a clock that is wrong). */
export function isNoCredentials(error: AwsError): boolean {
  return error.kind === 'no-credentials' || isOneOf(error, badCredentials);
}

/** Every call: nothing readable came back; it may have been carried out. */
export function isNoAnswer(error: AwsError): boolean {
  return error.kind === 'no-answer';
}

/** Every call: a fault on AWS's side. */
export function isServerError(error: AwsError): boolean {
  return isOneOf(error, serverError) || (error.kind === 'answered' && (error.httpStatus ?? 0) >= 500);
}

/** Describes by ARN: AWS can not read the ARN as one of its own. */
export function isMalformedArn(error: AwsError): boolean {
  return isOneOf(error, malformedArn);
}

const loadBalancerNotFound = ['LoadBalancerNotFound'];
const targetGroupNotFound = ['TargetGroupNotFound'];
const listenerNotFound = ['ListenerNotFound'];
const notFound = [...loadBalancerNotFound, ...targetGroupNotFound, ...listenerNotFound];
const duplicateListener = ['DuplicateListener'];
const duplicateTargetGroup = ['DuplicateTargetGroupName'];
const resourceInUse = ['ResourceInUse'];
const quotaExceeded = [
  'TargetGroupAssociationLimit',
  'TooManyActions',
  'TooManyListeners',
  'TooManyLoadBalancers',
  'TooManyRegistrationsForTargetId',
  'TooManyTags',
  'TooManyTargetGroups',
  'TooManyTargets',
  'TooManyUniqueTargetGroupsPerLoadBalancer',
];
const throttled = ['RequestLimitExceeded', 'RequestThrottled', 'Throttled', 'Throttling', 'TooManyRequests'];
const accessDenied = [
  'AccessDenied',
  'AuthFailure',
  'NotAuthorized',
  'OperationNotPermitted',
  'OptInRequired',
  'UnauthorizedOperation',
];
const badCredentials = [
  'ExpiredToken',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignature',
  'MissingAuthenticationToken',
  'RequestExpired',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'UnrecognizedClient',
];
const serverError = ['InternalError', 'InternalFailure', 'ServiceUnavailable'];
const malformedArn = ['ValidationError'];

function isOneOf(error: AwsError, codes: readonly string[]): boolean {
  return error.kind === 'answered' && codes.includes(withoutSuffix(error.errorCode));
}
