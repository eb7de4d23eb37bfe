import { poolLabel } from '../api/names.ts';
import { type NLBPortPool, poolSpec } from '../api/pool.ts';
import type { EndpointSlice, Pod, Service, SliceEndpoint } from '../kube/objects.ts';
import { arnOf } from './port.fixture.ts';

/** A pool named `game` with 30000 to 30049/UDP, for all namespaces. */
export function poolWith(spec: object = {}, metadata: object = {}): NLBPortPool {
  return {
    metadata: { name: 'game', ...metadata },
    spec: poolSpec.parse({
      loadBalancers: [{ arn: arnOf('a') }],
      ports: { min: 30000, max: 30049 },
      protocol: 'UDP',
      access: { namespaces: ['*'] },
      ...spec,
    }),
  };
}

/** A labelled Service `web` with one port 7777/UDP. */
export function serviceWith(spec: object = {}, metadata: object = {}): Service {
  return {
    metadata: { name: 'web', namespace: 'eu', uid: 'web-uid', labels: { [poolLabel]: 'game' }, ...metadata },
    spec: {
      type: 'ClusterIP',
      selector: { app: 'web' },
      ports: [{ name: 'game', port: 7777, protocol: 'UDP' }],
      ...spec,
    },
  };
}

/** A slice of `web` as kube-controller-manager writes it. */
export function sliceOf(
  endpoints: SliceEndpoint[],
  more: Partial<EndpointSlice> = {},
  labels: object = {},
): EndpointSlice {
  return {
    metadata: {
      name: 'web-1',
      namespace: 'eu',
      labels: {
        'kubernetes.io/service-name': 'web',
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        ...labels,
      },
    },
    addressType: 'IPv4',
    endpoints,
    ports: [{ name: 'game', protocol: 'UDP', port: 7777 }],
    ...more,
  };
}

/** The endpoint of the pod `name`, ready unless told. */
export function endpointOf(ip: string, name: string, conditions: SliceEndpoint['conditions'] = {}): SliceEndpoint {
  return {
    addresses: [ip],
    conditions: { ready: true, serving: true, terminating: false, ...conditions },
    targetRef: { kind: 'Pod', namespace: 'eu', name, uid: `${name}-uid` },
  };
}

/** A running pod; `conditions` are those that are True. */
export function podWith(
  name: string,
  ip: string,
  more: { spec?: object; conditions?: string[]; status?: object } = {},
): Pod {
  return {
    metadata: { name, namespace: 'eu', uid: `${name}-uid` },
    spec: { containers: [{ name: 'game' }], ...more.spec },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: (more.conditions ?? ['ContainersReady']).map(type => ({ type, status: 'True' })),
      ...more.status,
    },
  };
}
