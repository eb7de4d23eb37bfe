import type { EndpointSlice, KubeObject, Lease, Namespace, Pod, Service } from './objects.ts';

/** Names one kind of object and where the API server serves it; `T` is what an object of it looks like here. */
export interface Resource<T extends KubeObject> {
  /** `v1`, or `group/version`. */
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
  /** Only for the type checker: never set. */
  readonly type?: T;
}

export const pods: Resource<Pod> = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };

/** Agones' kind; of such an object nothing but its metadata is read or written. */
export const gameServers: Resource<KubeObject> = {
  apiVersion: 'agones.dev/v1',
  kind: 'GameServer',
  plural: 'gameservers',
  namespaced: true,
};

export const namespaces: Resource<Namespace> = {
  apiVersion: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  namespaced: false,
};

export const leases: Resource<Lease> = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export const services: Resource<Service> = { apiVersion: 'v1', kind: 'Service', plural: 'services', namespaced: true };

export const endpointSlices: Resource<EndpointSlice> = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
