import {
  type ClaimWish,
  carries,
  defaultPortName,
  joinProtocols,
  maxPortsOfClaim,
  type PortWish,
  parsePorts,
} from '../api/claim.ts';
import { failure, type Result } from '../api/errors.ts';
import { poolLabel, portsAnnotation, staticPortAnnotation } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import type { Pod } from '../kube/objects.ts';
import { admitToPool } from './pool-admission.ts';
import { withStaticPorts } from './static-ports.ts';

/** The annotation by which the kubelet marks a static pod's copy in the API. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/**
 * What a pod asks of a pool, or why it can't have it: from its label, annotation and containers alone. Errors: MirrorPod,
 * PoolNotFound, AccessDenied, HostNetwork, those of `parsePorts`, NoSinglePort, TooManyPorts, ProtocolNotInPool,
 * MalformedStaticPort, PortNotInRange.
 */
export function podWish(pod: Pod, asked: NLBPortPool | undefined): Result<ClaimWish> {
  const { namespace = '', labels = {}, annotations = {} } = pod.metadata;
  if (annotations[mirrorAnnotation] !== undefined) {
    return failure(
      'MirrorPod',
      'Cannot give a port to a mirror pod: its kubelet owns it, and its status can not be ours',
    );
  }
  const poolName = labels[poolLabel] ?? '';
  const admitted = admitToPool(poolName, asked, namespace);
  if (!admitted.ok) return admitted;
  const pool = admitted.value;
  if (pod.spec.hostNetwork && !pool.spec.access.hostNetwork) {
    return failure(
      'HostNetwork',
      `Cannot claim a port of pool "${poolName}": the pod is on the host network, and access.hostNetwork is false`,
    );
  }
  const wishes = readWishes(pod);
  if (!wishes.ok) return wishes;
  const ports = joinProtocols(wishes.value);
  if (ports.length > maxPortsOfClaim) {
    return failure(
      'TooManyPorts',
      `Cannot claim ${ports.length} ports for one pod: at most ${maxPortsOfClaim} fit on one load balancer`,
    );
  }
  const other = ports.find(({ protocol }) => !carries(pool.spec.protocol, protocol));
  if (other) {
    return failure(
      'ProtocolNotInPool',
      `Cannot claim a ${other.protocol} port of pool "${poolName}": its protocol is ${pool.spec.protocol}`,
    );
  }
  const fixed = withStaticPorts(ports, annotations[staticPortAnnotation], pool);
  return fixed.ok ? { ok: true, value: { ports: fixed.value } } : fixed;
}

function readWishes(pod: Pod): Result<PortWish[]> {
  const text = pod.metadata.annotations?.[portsAnnotation];
  if (text !== undefined) return parsePorts(text);
  const ports = pod.spec.containers.flatMap(container => container.ports ?? []);
  const [only] = ports;
  if (!only || ports.length > 1) {
    return failure(
      'NoSinglePort',
      `Cannot tell the pod's port: ${ports.length} containerPorts and no annotation ${portsAnnotation}, wanted exactly one containerPort or the annotation`,
    );
  }
  const protocol = only.protocol ?? 'TCP';
  if (protocol !== 'TCP' && protocol !== 'UDP') {
    return failure('ProtocolNotInPool', `Cannot claim a ${protocol} port: wanted TCP or UDP`);
  }
  return { ok: true, value: [{ name: only.name || defaultPortName, targetPort: only.containerPort, protocol }] };
}
