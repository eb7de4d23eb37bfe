/**
 * Every error that a user can meet. A code is never reused; docs/errors.md has a section for each, and a test holds the
 * two together. `retry` says whether waiting may help without anyone changing something.
 */
export const errorTable = {
  // What a pod asks for. The sixth code told of several ports per pod, when they were refused: it is not used again.
  PoolNotFound: { code: 'NLBP-1001', retry: true, summary: 'The pool that the label names does not exist.' },
  AccessDenied: { code: 'NLBP-1002', retry: true, summary: 'The pool does not admit claims from this namespace.' },
  MalformedPorts: { code: 'NLBP-1003', retry: false, summary: 'The ports annotation can not be read.' },
  InvalidPortNumber: { code: 'NLBP-1004', retry: false, summary: 'A port number is not between 1 and 65535.' },
  ProtocolNotInPool: { code: 'NLBP-1005', retry: false, summary: "The pool's listeners do not carry this protocol." },
  PortsTooLong: { code: 'NLBP-1007', retry: false, summary: 'The ports annotation is too long.' },
  NoSinglePort: { code: 'NLBP-1008', retry: false, summary: 'No annotation, and not exactly one containerPort.' },
  MirrorPod: { code: 'NLBP-1009', retry: false, summary: 'A mirror pod can not hold a port.' },
  HostNetwork: { code: 'NLBP-1010', retry: true, summary: 'The pool does not admit pods on the host network.' },
  PoolFull: { code: 'NLBP-1011', retry: true, summary: 'No port of the pool is free.' },
  PoolNotReady: { code: 'NLBP-1012', retry: true, summary: 'The pool has no usable load balancer yet.' },
  WishFrozen: { code: 'NLBP-1013', retry: false, summary: 'Names and number of ports can not change while bound.' },
  AddressFamily: {
    code: 'NLBP-1014',
    retry: false,
    summary: 'The addresses are IPv6, and the load balancer does not send to those.',
  },
  TooManyPorts: { code: 'NLBP-1015', retry: false, summary: 'More ports than one load balancer can have.' },
  MalformedStaticPort: { code: 'NLBP-1016', retry: false, summary: 'The static-port annotation can not be read.' },
  QuotaExceeded: {
    code: 'NLBP-1017',
    retry: true,
    summary: 'The namespace holds as many ports as the pool allows it.',
  },
  SchedulingGateForbidden: {
    code: 'NLBP-1018',
    retry: true,
    summary: 'The operator may not take its scheduling gate off a pod.',
  },
  GameServerForbidden: {
    code: 'NLBP-1019',
    retry: true,
    summary: "The operator may not write on the pod's GameServer.",
  },
  GameServersNotServed: {
    code: 'NLBP-1020',
    retry: true,
    summary: "The cluster does not serve Agones' kind GameServer.",
  },
  WriteRefused: {
    code: 'NLBP-1021',
    retry: true,
    summary: 'The API server refuses what is to be written on the pod or the Service.',
  },

  // What a Service asks for
  ServiceNotSupported: {
    code: 'NLBP-1101',
    retry: true,
    summary: 'The Service asks for something that a port of a load balancer can not give.',
  },
  ServicePorts: {
    code: 'NLBP-1102',
    retry: true,
    summary: 'The Service has no ports, too many, or one number with two targets.',
  },
  PortNotInRange: { code: 'NLBP-1103', retry: true, summary: 'A port number is outside of the range of the pool.' },
  PortTaken: { code: 'NLBP-1104', retry: true, summary: 'A port number that was asked for is not free.' },
  NoSelector: { code: 'NLBP-1105', retry: true, summary: 'The pool does not admit Services without a selector.' },
  NoDefaultPool: { code: 'NLBP-1106', retry: true, summary: 'No pool, or more than one, is marked default.' },
  AddressRefused: {
    code: 'NLBP-1107',
    retry: true,
    summary: 'An address behind the Service is not that of a live pod.',
  },
  ReadinessGateRefused: {
    code: 'NLBP-1108',
    retry: true,
    summary: 'The readiness gate of a pod behind the Service can not be opened.',
  },

  // Pools
  LoadBalancerNotFound: { code: 'NLBP-2001', retry: true, summary: 'A load balancer of the pool does not exist.' },
  NotANetworkLoadBalancer: {
    code: 'NLBP-2002',
    retry: false,
    summary: 'A load balancer of the pool is not a Network Load Balancer.',
  },
  PoolOverlap: { code: 'NLBP-2003', retry: true, summary: 'An earlier pool owns these ports of a load balancer.' },
  NoLoadBalancerTagged: { code: 'NLBP-2004', retry: true, summary: 'No Network Load Balancer has these tags.' },
  ShortQuarantine: {
    code: 'NLBP-2005',
    retry: false,
    summary: 'The quarantine is shorter than an AWS call may take.',
  },
  LoadBalancerFailed: { code: 'NLBP-2006', retry: true, summary: 'A load balancer of the pool is in state failed.' },
  ClusterRestored: {
    code: 'NLBP-2007',
    retry: true,
    summary: 'No NLBPort exists, but AWS holds resources of this cluster.',
  },
  ProbeRefused: {
    code: 'NLBP-2008',
    retry: true,
    summary: 'The pool has a probe that can not be sent through this load balancer.',
  },
  SourceNatPrefixOff: {
    code: 'NLBP-2009',
    retry: true,
    summary: 'A dualstack load balancer of the pool can have no UDP listener.',
  },

  // Ports
  ListenerConflict: { code: 'NLBP-3001', retry: true, summary: 'A listener of someone else is on this port.' },
  TargetGroupConflict: {
    code: 'NLBP-3002',
    retry: true,
    summary: 'A target group of someone else has the name of ours.',
  },
  TargetUnhealthy: { code: 'NLBP-3003', retry: true, summary: 'The target fails its health check.' },
  ProbeUnanswered: { code: 'NLBP-3004', retry: true, summary: 'Nothing came back when the port was probed.' },
  ProbeWrongAnswer: { code: 'NLBP-3005', retry: true, summary: 'Something else came back when the port was probed.' },

  // AWS
  AwsAccessDenied: { code: 'NLBP-4001', retry: true, summary: 'AWS refused the call: the IAM policy lacks it.' },
  AwsNoCredentials: { code: 'NLBP-4002', retry: true, summary: 'No usable AWS credentials were found.' },
  AwsThrottled: { code: 'NLBP-4003', retry: true, summary: 'AWS throttles the account.' },
  AwsQuotaExceeded: { code: 'NLBP-4004', retry: true, summary: 'A quota of the AWS account is used up.' },
  AwsNoAnswer: { code: 'NLBP-4005', retry: true, summary: 'AWS did not answer in time.' },
  AwsServerError: { code: 'NLBP-4006', retry: true, summary: 'AWS answered with an error of its own.' },
  AwsRejected: { code: 'NLBP-4007', retry: true, summary: 'AWS rejected the call.' },
  AwsResourceInUse: { code: 'NLBP-4008', retry: true, summary: 'The AWS resource is still in use.' },
  AwsNoRegion: { code: 'NLBP-4009', retry: true, summary: 'No AWS region is set.' },

  // Command line
  InvalidOption: { code: 'NLBP-5001', retry: false, summary: 'An option has a value that can not be used.' },
  NoCluster: { code: 'NLBP-5002', retry: false, summary: 'No Kubernetes connection could be made from the settings.' },
  PortInUse: { code: 'NLBP-5003', retry: false, summary: 'An address that the process must listen on is taken.' },
  NoLoopbackAddress: {
    code: 'NLBP-5004',
    retry: false,
    summary: 'The machine lacks a loopback address that the sandbox needs.',
  },
} as const satisfies Record<string, { code: `NLBP-${number}`; retry: boolean; summary: string }>;

/** The CamelCase name of an error: the reason in conditions and Events. */
export type ErrorReason = keyof typeof errorTable;

/** An error as it is shown to a user. */
export interface CodedError {
  reason: ErrorReason;
  code: string;
  /** Begins with the code; at most 1,024 bytes, the limit of an Event's note. */
  message: string;
  retry: boolean;
  /** Set where AWS answered. */
  aws?: { action: string; errorCode: string; requestId?: string };
}

/** What a step that a user's mistake may stop gives back. */
export type Result<T> = { ok: true; value: T } | { ok: false; error: CodedError };

/** Makes the error named `reason`; `detail` is a sentence in the form "Action that failed: current value, wanted value". */
export function codedError(reason: ErrorReason, detail: string, aws?: CodedError['aws']): CodedError {
  const { code, retry } = errorTable[reason];
  // Half a character can't be written as UTF-8: the API server would keep another text than this.
  const message = truncateUtf8(`${code}: ${detail}`.toWellFormed(), 1024);
  return { reason, code, message, retry, ...(aws ? { aws } : {}) };
}

/** The same as a failed result. */
export function failure(reason: ErrorReason, detail: string): { ok: false; error: CodedError } {
  return { ok: false, error: codedError(reason, detail) };
}

/** A user's mistake on the way in, where there is no object to show it on: the command line prints it and exits. */
export class CodedException extends Error {
  override readonly name = 'CodedException';
  readonly coded: CodedError;

  constructor(coded: CodedError) {
    super(coded.message);
    this.coded = coded;
  }
}

/** Cuts `text` to at most `maxBytes` bytes of UTF-8, at a character's boundary, ending in an ellipsis where it was cut. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const ellipsis = '…';
  const room = maxBytes - Buffer.byteLength(ellipsis);
  let cut = Buffer.from(text).subarray(0, room).toString();
  // A character that was cut in half decodes to one replacement character at the end.
  if (cut.endsWith('\uFFFD')) cut = cut.slice(0, -1);
  return cut + ellipsis;
}
