import { parsePorts } from '../../api/claim.ts';
import { portsAnnotation } from '../../api/names.ts';
import type { ContainerPort, Pod } from '../../kube/objects.ts';
import type { StartContainer } from '../cluster/kubelet.ts';

/**
 * Runs a pod as if its containers also declared the ports that it asks a load balancer for: a real game listens there,
 * declared or not.
 */
export function servingWishedPorts(start: StartContainer): StartContainer {
  return (pod, ip) => start(withWishedPorts(pod), ip);
}

function withWishedPorts(pod: Pod): Pod {
  const text = pod.metadata.annotations?.[portsAnnotation];
  const wishes = text === undefined ? undefined : parsePorts(text);
  const [first, ...others] = pod.spec.containers;
  if (!wishes?.ok || first === undefined) return pod;
  const wished = wishes.value.map(
    ({ targetPort, protocol }): ContainerPort => ({
      containerPort: targetPort,
      protocol: protocol === 'TCP' ? 'TCP' : 'UDP',
    }),
  );
  const containers = [{ ...first, ports: [...(first.ports ?? []), ...wished] }, ...others];
  return { ...pod, spec: { ...pod.spec, containers } };
}
