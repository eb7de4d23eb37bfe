import { poolLabel, portsAnnotation } from '../../api/names.ts';
import type { NLBPortPool } from '../../api/pool.ts';
import type { KubeObject, Pod } from '../../kube/objects.ts';
import type { Resource } from '../../kube/resource.ts';
import type { MadeLoadBalancer } from './aws-person.ts';

/** On which each room of the demo listens. */
export const roomPort = 7777;

/** A game room that listens on one port by UDP and by TCP. */
export function roomPod(name: string, pool: string): Pod {
  const pod = {
    metadata: {
      name,
      namespace: 'default',
      labels: { app: 'room', [poolLabel]: pool },
      annotations: { [portsAnnotation]: `${roomPort}/TCP_UDP` },
    },
    spec: {
      // A game that is over needs no time to say goodbye.
      terminationGracePeriodSeconds: 1,
      restartPolicy: 'Never',
      containers: [
        {
          name: 'room',
          image: 'example.com/game-room:1',
          ports: [
            { name: 'udp', containerPort: roomPort, protocol: 'UDP' },
            { name: 'tcp', containerPort: roomPort, protocol: 'TCP' },
          ],
        },
      ],
    },
  };
  return pod;
}

/** What the pools of the demo differ in. */
export interface DemoPool {
  name: string;
  loadBalancers: readonly MadeLoadBalancer[];
  ports: { min: number; max: number };
  protocol: 'TCP' | 'TCP_UDP';
  quarantine: string;
}

/**
 * A pool that publishes each load balancer's loopback address, as no DNS knows its name, and that takes ports back
 * quickly.
 */
export function demoPool({ name, loadBalancers, ports, protocol, quarantine }: DemoPool): NLBPortPool {
  const pool = {
    metadata: { name },
    spec: {
      loadBalancers: loadBalancers.map(({ arn, address }) => ({ arn, hostname: address })),
      ports,
      protocol,
      targets: { deregistrationDelay: '1s' },
      release: { quarantine },
      // The emulated load balancer sends traffic everywhere as soon as it calls a target healthy.
      readiness: { settle: '0s' },
      access: { namespaces: ['*'] },
    },
  };
  // Defaults are the API server's to fill in.
  return pool as unknown as NLBPortPool;
}

export const nodes: Resource<KubeObject> = { apiVersion: 'v1', kind: 'Node', plural: 'nodes', namespaced: false };

/** The node whose kubelet runs the sandbox's pods. */
export function demoNode(name: string, version: string) {
  const node = {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' } },
    spec: {},
  };
  const status = {
    addresses: [
      { type: 'InternalIP', address: '10.0.0.10' },
      { type: 'Hostname', address: name },
    ],
    conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'The sandbox is ready' }],
    nodeInfo: { kubeletVersion: `v${version}-sandbox`, operatingSystem: 'linux', osImage: 'nlbports sandbox' },
  };
  return { node, status };
}
