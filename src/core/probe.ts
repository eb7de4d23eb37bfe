import { findCondition, withCondition } from '../api/conditions.ts';
import { type CodedError, codedError } from '../api/errors.ts';
import type { LoadBalancerStatus, PoolSpec } from '../api/pool.ts';
import type { NLBPort, PortStatus } from '../api/port.ts';
import type { Condition } from '../kube/objects.ts';
import { areRegistered, isReady } from './readiness.ts';

/** The condition of a port whose pool has a probe, from when its targets are known until they change. */
export const probedCondition = 'Probed';

/** A pool's probe, in bytes. */
export interface Probe {
  /** An answer by one of them is enough. */
  protocols: readonly ('TCP' | 'UDP')[];
  send: Buffer;
  expect: Buffer;
}

/** What came back through one address of a load balancer. */
export interface ProbeAnswer {
  address: string;
  outcome: 'expected' | 'wrong' | 'silent';
  /** What was heard, cut. */
  heard: Buffer;
}

/** The probe that the pool asks for. A TCP_UDP listener is asked by both, as the pod behind it may have asked for one alone. */
export function probeOf({ readiness, protocol }: Pick<PoolSpec, 'readiness' | 'protocol'>): Probe | undefined {
  const { probe } = readiness;
  if (!probe) return undefined;
  const encoding = probe.encoding === 'Hex' ? 'hex' : 'utf8';
  return {
    protocols: probe.protocol ? [probe.protocol] : protocol === 'TCP_UDP' ? ['UDP', 'TCP'] : [protocol],
    send: Buffer.from(probe.send, encoding),
    expect: Buffer.from(probe.expect, encoding),
  };
}

/**
 * Why the pool's probe may not be sent through a load balancer. An internal one that keeps the client's address does not
 * carry what a target's own node sends: the operator may run beside the room, and would wait for ever.
 */
export function whyNotProbed(
  spec: Pick<PoolSpec, 'readiness' | 'protocol' | 'targets'>,
  loadBalancer: Pick<LoadBalancerStatus, 'arn' | 'scheme'>,
): CodedError | undefined {
  const keepsClientIP = spec.protocol !== 'TCP' || spec.targets.preserveClientIP;
  if (!spec.readiness.probe || loadBalancer.scheme !== 'internal' || !keepsClientIP) return undefined;
  return codedError(
    'ProbeRefused',
    `Cannot probe through ${loadBalancer.arn}: it is internal and the client's address is kept, so a node does not reach itself through it`,
  );
}

/** The conditions of a port with that of its probe: begun anew where the targets are new, kept where they are not. */
export function withProbed(
  port: NLBPort,
  next: PortStatus,
  { probe, refused }: { probe: Probe | undefined; refused: CodedError | undefined },
  nowMs: number,
): Condition[] {
  const conditions = next.conditions ?? [];
  const { claim, targets = [] } = port.spec;
  // Only behind a pod's port there is one target, of which an answer tells.
  const isWanted = probe && claim?.kind === 'Pod' && claim.releasedAt === undefined && targets.length > 0;
  if (!isWanted) return conditions.filter(({ type }) => type !== probedCondition);
  const isRegistered = areRegistered(port, next);
  // What was ready before its pool had a probe stays so.
  if (isRegistered && isReady(port, nowMs)) return conditions;
  const now = findCondition(conditions, probedCondition);
  const set = (status: Condition['status'], reason: string, message: string) => {
    const observedGeneration = port.metadata.generation;
    return withCondition(conditions, { type: probedCondition, status, reason, message, observedGeneration }, nowMs);
  };
  if (refused) return set('False', refused.reason, refused.message);
  if (isRegistered && now && now.reason !== 'ProbeRefused') return conditions;
  return set('Unknown', 'Probing', 'The expected answer to the probe did not come yet');
}

/** Whether it is time to probe a port: AWS calls its targets healthy, and the answer is open. */
export function isToBeProbed(port: NLBPort): boolean {
  const { conditions } = port.status ?? {};
  const probed = findCondition(conditions, probedCondition);
  if (!probed || probed.status === 'True' || probed.reason === 'ProbeRefused') return false;
  return findCondition(conditions, 'Healthy')?.status === 'True' && areRegistered(port, port.status ?? {});
}

/** What the answers through all addresses say together; undefined: every one is as expected. */
export function judgeAnswers(
  host: string,
  port: number,
  answers: readonly ProbeAnswer[],
  probe: Probe,
): CodedError | undefined {
  if (answers.length === 0) {
    return codedError('ProbeUnanswered', `Cannot get an answer to the probe: the name ${host} has no address`);
  }
  const failed = answers.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  const wrong = failed.find(({ outcome }) => outcome === 'wrong');
  if (wrong) {
    const message = `Cannot call ${wrong.address}:${port} reachable: it answered ${shown(wrong.heard)} to the probe, ${shown(probe.expect)} wanted`;
    return codedError('ProbeWrongAnswer', message);
  }
  const silent = failed.find(({ outcome }) => outcome === 'silent');
  if (!silent) return undefined;
  return codedError(
    'ProbeUnanswered',
    `Cannot get an answer to the probe through ${silent.address}:${port}: nothing came back`,
  );
}

/** Bytes as a person can read them: text where it is some, else hexadecimal digits; the beginning of long ones. */
function shown(bytes: Uint8Array): string {
  const begin = Buffer.from(bytes.subarray(0, 64));
  const text = begin.toString('utf8');
  const isText = /^[\x20-\x7e\t\r\n]*$/.test(text);
  return `${isText ? JSON.stringify(text) : `hex ${begin.toString('hex')}`}${bytes.length > 64 ? ' …' : ''}`;
}
