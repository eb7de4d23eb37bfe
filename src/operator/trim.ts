import { maxPortsAnnotationBytes } from '../api/claim.ts';
import { truncateUtf8 } from '../api/errors.ts';
import { portsAnnotation, readyCondition, staticPortAnnotation } from '../api/names.ts';
import { isGameServer } from '../core/game-server.ts';
import type { Pod } from '../kube/objects.ts';

/** A pod with what the claim controller reads and nothing else: tens of thousands of them fit in memory. */
export function trimPod(pod: Pod): Pod {
  const { metadata, spec, status } = pod;
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([name]) => name.startsWith('nlbports.dev/') || name === 'kubernetes.io/config.mirror')
    // A little more than is allowed still shows that it is too long, wherever a character ends.
    .map(([name, value]) => [
      name,
      name === portsAnnotation || name === staticPortAnnotation
        ? truncateUtf8(value, maxPortsAnnotationBytes + 8)
        : value,
    ]);
  const gameServers = (metadata.ownerReferences ?? []).filter(isGameServer);
  const labels = Object.entries(metadata.labels ?? {}).filter(([name]) => name.startsWith('nlbports.dev/'));
  return {
    metadata: {
      ...pick(metadata, ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp']),
      name: metadata.name,
      labels: Object.fromEntries(labels),
      annotations: Object.fromEntries(annotations),
      ...(gameServers.length > 0 ? { ownerReferences: gameServers } : {}),
    },
    spec: {
      ...pick(spec, ['hostNetwork', 'readinessGates', 'schedulingGates']),
      containers: spec.containers.map(({ name, ports }) => (ports ? { name, ports } : { name })),
    },
    status: {
      ...pick(status ?? {}, ['phase', 'podIP', 'podIPs']),
      conditions: (status?.conditions ?? []).filter(({ type }) => type === readyCondition),
    },
  };
}

function pick<T extends object, K extends keyof T>(object: T, keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter(key => key in object).map(key => [key, object[key]])) as Pick<T, K>;
}
