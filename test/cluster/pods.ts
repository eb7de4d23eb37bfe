import type { AnyObject, Rest } from './rest.ts';

export interface PodOptions {
  name: string;
  /** @default 'default' */
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  /** The ports of its one container. @default none */
  ports?: { name?: string; containerPort: number; protocol?: 'TCP' | 'UDP' }[];
  readinessGates?: string[];
  /**
   * A pod with a node is only marked when deleted, until a kubelet ends it: `finishDeletion`. EndpointSlices hold no
   * pod without a node, or whose node has no object: `createNode`.
   */
  nodeName?: string;
  /** More of spec. */
  spec?: AnyObject;
}

/** Pods of a cluster without a kubelet: the test says what their status is. */
export interface Pods {
  create(options: PodOptions): Promise<AnyObject>;
  /** Creates a pod and makes it Running and Ready with that address. */
  run(options: PodOptions & { ip: string }): Promise<AnyObject>;
  get(name: string, namespace?: string): Promise<AnyObject>;
  find(name: string, namespace?: string): Promise<AnyObject | undefined>;
  /** Sets the address as a kubelet reports it: `podIP` and `podIPs` together. */
  setIP(name: string, ip: string, namespace?: string): Promise<AnyObject>;
  /** Adds or changes conditions by type, such as `{ Ready: 'False' }`. */
  setConditions(name: string, conditions: Record<string, 'True' | 'False'>, namespace?: string): Promise<AnyObject>;
  /** The containers have ended: phase Succeeded, or Failed. */
  setPhase(name: string, phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed', namespace?: string): Promise<AnyObject>;
  /** Deletes as `kubectl delete pod` does. */
  remove(name: string, namespace?: string): Promise<void>;
  /** What a kubelet does when the containers of a deleted pod are gone. */
  finishDeletion(name: string, namespace?: string): Promise<void>;
  createNode(name: string): Promise<AnyObject>;
  /** Warning and Normal events about the pod, of the events.k8s.io API. */
  events(name: string, namespace?: string): Promise<AnyObject[]>;
}

/** @example const pods = createPods(cluster.rest); await pods.run({ name: 'room-1', ip: '10.0.1.5', labels: {...} }); */
export function createPods(rest: Rest): Pods {
  const patchStatus = (name: string, namespace: string, status: AnyObject) =>
    rest.patch(`${podPath(name, namespace)}/status`, 'strategic', { status });
  const create: Pods['create'] = options =>
    rest.create(`/api/v1/namespaces/${options.namespace ?? 'default'}/pods`, podManifest(options));
  return {
    create,
    async run({ ip, ...options }) {
      await create(options);
      return await patchStatus(options.name, options.namespace ?? 'default', {
        phase: 'Running',
        ...address(ip),
        conditions: conditionList({ Initialized: 'True', ContainersReady: 'True', Ready: 'True' }),
      });
    },
    get: (name, namespace = 'default') => rest.get(podPath(name, namespace)),
    find: (name, namespace = 'default') => rest.find(podPath(name, namespace)),
    // A merge patch replaces the list of addresses; a strategic one would add to it.
    setIP: (name, ip, namespace = 'default') =>
      rest.patch(`${podPath(name, namespace)}/status`, 'merge', { status: address(ip) }),
    setConditions: (name, conditions, namespace = 'default') =>
      patchStatus(name, namespace, { conditions: conditionList(conditions) }),
    setPhase: (name, phase, namespace = 'default') => patchStatus(name, namespace, { phase }),
    remove: (name, namespace = 'default') => rest.remove(podPath(name, namespace)),
    finishDeletion: (name, namespace = 'default') => rest.remove(podPath(name, namespace), { gracePeriodSeconds: 0 }),
    createNode: name => rest.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name } }),
    events: (name, namespace = 'default') =>
      rest
        .list(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`)
        .then(events => events.filter(event => event.regarding?.kind === 'Pod' && event.regarding.name === name)),
  };
}

/** A pod's manifest as `Pods.create` sends it. */
export function podManifest(options: PodOptions): AnyObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: options.name,
      namespace: options.namespace ?? 'default',
      ...(options.labels === undefined ? {} : { labels: options.labels }),
      ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
    },
    spec: {
      containers: [{ name: 'game', image: 'game-server', ...(options.ports ? { ports: options.ports } : {}) }],
      ...(options.readinessGates
        ? { readinessGates: options.readinessGates.map(conditionType => ({ conditionType })) }
        : {}),
      ...(options.nodeName === undefined ? {} : { nodeName: options.nodeName }),
      ...options.spec,
    },
  };
}

function podPath(name: string, namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}

function address(ip: string): AnyObject {
  return { podIP: ip, podIPs: [{ ip }] };
}

function conditionList(conditions: Record<string, 'True' | 'False'>): AnyObject[] {
  return Object.entries(conditions).map(([type, status]) => ({ type, status }));
}
