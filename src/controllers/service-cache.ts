import { poolLabel } from '../api/names.ts';
import { serviceNameLabel } from '../core/service-targets.ts';
import { isOurLoadBalancer } from '../core/service-wish.ts';
import { type Change, createInformer, type Informer, type InformerOptions } from '../kube/informer.ts';
import { type EndpointSlice, keyOf, type Service } from '../kube/objects.ts';
import { endpointSlices, services as serviceResource } from '../kube/resource.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';

/** The Services that may ask for ports, from two watches: a label selector can not say "or of this type". */
export interface ServiceCache {
  readonly synced: boolean;
  get(key: string): Service | undefined;
  list(): readonly Service[];
  onChange(handler: (change: Change<Service>) => void): void;
  put(service: Service): void;
  start(signal: AbortSignal): Promise<void>;
}

/** The EndpointSlices of Services that ask for ports. */
export interface SliceCache {
  readonly synced: boolean;
  /** The slices of a Service; undefined while they are not known yet. */
  of(service: Service): readonly EndpointSlice[] | undefined;
  /** Follows the slices of a Service without the label, which no common watch brings; again is nothing new. */
  follow(service: Service, signal: AbortSignal): void;
  /** Ends that. */
  forget(key: string): void;
  /** Calls `handler` with the key of the Service whose slices changed. */
  onChange(handler: (serviceKey: string) => void): void;
  start(signal: AbortSignal): Promise<void>;
}

export type CacheDeps = Pick<InformerOptions<Service>, 'transport' | 'clock' | 'random' | 'log'> & {
  namespaces: readonly string[];
};

/**
 * Makes a cache of Services: those with the label, and those of type LoadBalancer, for which the API server has a field
 * selector (the class has none: load balancers of other classes are kept, without what nobody reads).
 */
export function createServiceCache({ namespaces, ...deps }: CacheDeps): ServiceCache {
  const informerOf = (select: { labelSelector?: string; fieldSelector?: string }) =>
    createInformer<Service>({
      ...deps,
      resource: serviceResource,
      select: { ...select, namespaces },
      trim: trimService,
    });
  const labelled = informerOf({ labelSelector: poolLabel });
  const loadBalancers = informerOf({ fieldSelector: 'spec.type=LoadBalancer' });
  const both = [labelled, loadBalancers];
  return {
    get synced() {
      return both.every(informer => informer.synced);
    },
    get: key => newer(labelled.get(key), loadBalancers.get(key)),
    list: () => [...labelled.list(), ...loadBalancers.list().filter(service => !labelled.get(keyOf(service)))],
    onChange(handler) {
      for (const informer of both) informer.onChange(handler);
    },
    put(service) {
      if (service.metadata.labels?.[poolLabel] !== undefined) labelled.put(service);
      if (service.spec.type === 'LoadBalancer') loadBalancers.put(service);
    },
    async start(signal) {
      await Promise.all(both.map(informer => informer.start(signal)));
    },
  };
}

/**
 * Makes a cache of EndpointSlices. kube-controller-manager copies a Service's labels onto its slices, so one watch by our
 * label brings those of all labelled Services; a load balancer of our class without the label has a watch of its own.
 */
export function createSliceCache({ namespaces, ...deps }: CacheDeps): SliceCache {
  const handlers: ((serviceKey: string) => void)[] = [];
  const indexes = { service: (slice: EndpointSlice) => [serviceKeyOf(slice)] };
  const labelled = createInformer<EndpointSlice>({
    ...deps,
    resource: endpointSlices,
    select: { labelSelector: poolLabel, namespaces },
    trim: trimSlice,
    indexes,
  });
  const own = new Map<string, { informer: Informer<EndpointSlice>; stop: () => void }>();
  const tell = ({ object, previous }: Change<EndpointSlice>) => {
    for (const key of new Set([object, previous].flatMap(slice => (slice ? [serviceKeyOf(slice)] : [])))) {
      for (const handler of handlers) handler(key);
    }
  };
  labelled.onChange(tell);
  return {
    get synced() {
      return labelled.synced;
    },
    of(service) {
      const key = keyOf(service);
      if (service.metadata.labels?.[poolLabel] !== undefined) return labelled.by('service', key);
      const { informer } = own.get(key) ?? {};
      return informer?.synced ? informer.list() : undefined;
    },
    follow(service, signal) {
      const key = keyOf(service);
      if (own.has(key) || signal.aborted) return;
      const { namespace = '', name } = service.metadata;
      const following = new AbortController();
      const onAbort = () => following.abort();
      signal.addEventListener('abort', onAbort, { once: true });
      // By hand: Node keeps what was last told to go by a signal's end, and this informer with it.
      const stop = () => {
        signal.removeEventListener('abort', onAbort);
        following.abort();
      };
      const informer = createInformer<EndpointSlice>({
        ...deps,
        resource: endpointSlices,
        select: { labelSelector: `${serviceNameLabel}=${name}`, namespaces: [namespace] },
        trim: trimSlice,
      });
      informer.onChange(tell);
      own.set(key, { informer, stop });
      void informer.start(following.signal).then(() => {
        if (informer.synced) for (const handler of handlers) handler(key);
      });
    },
    forget(key) {
      own.get(key)?.stop();
      own.delete(key);
    },
    onChange(handler) {
      handlers.push(handler);
    },
    start: signal => labelled.start(signal),
  };
}

function newer(a: Service | undefined, b: Service | undefined): Service | undefined {
  if (!a || !b) return a ?? b;
  return compareResourceVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) >= 0 ? a : b;
}

function serviceKeyOf({ metadata }: EndpointSlice): string {
  return `${metadata.namespace}/${metadata.labels?.[serviceNameLabel] ?? ''}`;
}

/** A Service with what its loop reads; of one that is not ours, its name is enough. */
function trimService(service: Service): Service {
  const { metadata, spec, status } = service;
  const { name, labels = {}, annotations = {} } = metadata;
  const isOurs = labels[poolLabel] !== undefined || isOurLoadBalancer(service);
  const own = (entries: Record<string, string>) =>
    Object.fromEntries(Object.entries(entries).filter(([key]) => key.startsWith('nlbports.dev/')));
  const kept = { name, labels: own(labels), annotations: own(annotations) };
  const lean = {
    ...Object.fromEntries(Object.entries(metadata).filter(([key]) => keptMetadata.has(key))),
    ...kept,
  };
  if (!isOurs) {
    const { type = '', loadBalancerClass } = spec;
    return { metadata: lean, spec: { type, ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }) } };
  }
  return { metadata: lean, spec, ...(status ? { status } : {}) };
}

const keptMetadata = new Set(['namespace', 'uid', 'resourceVersion', 'creationTimestamp', 'deletionTimestamp']);

/** A slice without the topology of its endpoints. */
function trimSlice({ metadata, addressType, endpoints, ports }: EndpointSlice): EndpointSlice {
  return {
    metadata,
    addressType,
    ports: ports ?? null,
    endpoints: (endpoints ?? []).map(({ addresses, conditions, targetRef }) => ({
      addresses,
      ...(conditions ? { conditions } : {}),
      ...(targetRef ? { targetRef } : {}),
    })),
  };
}
