import { isDeepStrictEqual } from 'node:util';
import { createKubeClient } from '../../kube/client.ts';
import { createInformer } from '../../kube/informer.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../kube/kube-error.ts';
import {
  type EndpointSlice,
  keyOf,
  type Pod,
  type Service,
  type ServicePort,
  type SliceEndpoint,
} from '../../kube/objects.ts';
import { endpointSlices, pods as podResource, services as serviceResource } from '../../kube/resource.ts';
import type { KubeTransport } from '../../kube/transport.ts';
import { createWorkQueue, type ReconcileResult } from '../../kube/work-queue.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { type Random, randomHex } from '../../runtime/random.ts';

export interface EndpointSliceMakerDeps {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Stands for kube-controller-manager's endpoint slice controller. */
export interface EndpointSliceMaker {
  /** Begins; resolves once the Services and pods that are there are known. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const serviceNameLabel = 'kubernetes.io/service-name';
const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
/** As the real one: it begins another slice then. */
const endpointsPerSlice = 100;

/**
 * Makes a maker of EndpointSlices for Services with a selector: labels copied from the Service, one slice for each set of
 * port numbers, `ready`, `serving` and `terminating` by the real rules. one family of addresses each. Not imitated: topology, pods without a
 * Node object (the real one leaves them out), moving endpoints between slices to fill them.
 */
export function createEndpointSliceMaker(deps: EndpointSliceMakerDeps): EndpointSliceMaker {
  const { clock, random, log } = deps;
  const client = createKubeClient(deps, { fieldManager: 'kube-controller-manager' });
  const services = createInformer<Service>({ ...deps, resource: serviceResource });
  const pods = createInformer<Pod>({ ...deps, resource: podResource });
  const slices = createInformer<EndpointSlice>({
    ...deps,
    resource: endpointSlices,
    select: { labelSelector: `${managedByLabel}=${managedBy}` },
    indexes: { service: ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[serviceNameLabel]}`] },
  });
  const queue = createWorkQueue({ clock, random, log, name: 'endpoint-slices' });
  const ending = new AbortController();
  let work: Promise<void> | undefined;

  services.onChange(({ key }) => queue.add(key));
  slices.onChange(({ object, previous }) => {
    const { namespace, labels } = (object ?? previous)!.metadata;
    queue.add(`${namespace}/${labels?.[serviceNameLabel]}`);
  });
  pods.onChange(({ object, previous }) => {
    for (const service of services.list()) {
      if ([object, previous].some(pod => pod && selects(service, pod))) queue.add(keyOf(service));
    }
  });

  async function reconcile(key: string): Promise<ReconcileResult> {
    const service = services.get(key);
    // What a deleted Service leaves behind is the garbage collector's.
    if (!service || service.spec.type === 'ExternalName' || Object.keys(service.spec.selector ?? {}).length === 0)
      return {};
    const chosen = pods.list().filter(pod => selects(service, pod) && isEndpoint(pod));
    const families = service.spec.ipFamilies ?? ['IPv4'];
    const wanted = families.flatMap(family => wantedSlices(service, chosen, family));
    const there = [...slices.by('service', key)];
    try {
      for (const slice of wanted) {
        // Their family is for good.
        const alike = there.filter(other => other.addressType === slice.addressType);
        const old = alike.find(other => isDeepStrictEqual(other.ports ?? [], slice.ports ?? [])) ?? alike[0];
        if (old) there.splice(there.indexOf(old), 1);
        if (!old) {
          const name = `${service.metadata.name.slice(0, 240)}-${randomHex(random, 5)}`;
          slices.put(await client.create(endpointSlices, { ...slice, metadata: { ...slice.metadata, name } }));
        } else if (!says(old, slice)) {
          const metadata = { ...old.metadata, labels: slice.metadata.labels ?? {} };
          slices.put(await client.update(endpointSlices, { ...old, ...slice, metadata }));
        }
      }
      for (const { metadata } of there) {
        await client.delete(endpointSlices, { namespace: metadata.namespace ?? '', name: metadata.name });
      }
    } catch (error) {
      // The watch brings what is so.
      if (!isConflict(error) && !isNotFound(error) && !isAlreadyExists(error)) throw error;
      return { requeueAfterMs: 100 };
    }
    return {};
  }

  return {
    async start() {
      const { signal } = ending;
      await Promise.all([services, pods, slices].map(informer => informer.start(signal)));
      work = queue.run(signal, 4, reconcile);
    },
    async stop() {
      ending.abort();
      await work;
    },
  };
}

function selects({ metadata, spec }: Service, pod: Pod): boolean {
  const selector = Object.entries(spec.selector ?? {});
  const isHere = metadata.namespace === pod.metadata.namespace;
  return isHere && selector.length > 0 && selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function isEndpoint({ status }: Pod): boolean {
  return status?.podIP !== undefined && status.phase !== 'Succeeded' && status.phase !== 'Failed';
}

function wantedSlices(service: Service, all: readonly Pod[], family: string): EndpointSlice[] {
  const pods = all.filter(pod => addressOf(pod, family) !== undefined);
  const { name, namespace = '', uid = '', labels } = service.metadata;
  const byPorts = Map.groupBy(pods, pod => JSON.stringify(portsOf(service.spec.ports ?? [], pod)));
  // A Service without pods has one slice that is empty.
  if (byPorts.size === 0) byPorts.set('[]', []);
  const isHeadless = (service.spec as { clusterIP?: string }).clusterIP === 'None';
  return [...byPorts].flatMap(([ports, some]) => {
    const endpoints = some
      .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      .map(pod => endpointOf(service, pod, family));
    const chunks = [];
    for (let at = 0; at === 0 || at < endpoints.length; at += endpointsPerSlice) {
      chunks.push(endpoints.slice(at, at + endpointsPerSlice));
    }
    return chunks.map(chunk => ({
      metadata: {
        name: '',
        namespace,
        labels: {
          ...labels,
          [serviceNameLabel]: name,
          [managedByLabel]: managedBy,
          ...(isHeadless ? { [headlessLabel]: '' } : {}),
        },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true }],
      },
      addressType: family,
      endpoints: chunk,
      ports: JSON.parse(ports) as EndpointSlice['ports'] & object,
    }));
  });
}

/** The Service's ports with the pod's numbers; one whose name the pod does not have is left out. */
function portsOf(ports: readonly ServicePort[], pod: Pod): { name: string; protocol: string; port: number }[] {
  return ports.flatMap(({ name = '', protocol = 'TCP', port, targetPort = port }) => {
    const number =
      typeof targetPort === 'number'
        ? targetPort
        : pod.spec.containers
            .flatMap(container => container.ports ?? [])
            .find(each => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)?.containerPort;
    return number === undefined ? [] : [{ name, protocol, port: number }];
  });
}

/** The first address of a family that a pod has. */
function addressOf({ status }: Pod, family: string): string | undefined {
  const ips = [status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return ips.find(ip => ip !== '' && ip.includes(':') === (family === 'IPv6'));
}

function endpointOf({ spec }: Service, pod: Pod, family: string): SliceEndpoint {
  const { metadata, spec: podSpec, status } = pod;
  const serving = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const terminating = metadata.deletionTimestamp !== undefined;
  const isPublished = (spec as { publishNotReadyAddresses?: boolean }).publishNotReadyAddresses ?? false;
  return {
    addresses: [addressOf(pod, family) ?? ''],
    conditions: { ready: isPublished || (serving && !terminating), serving, terminating },
    ...(podSpec.nodeName ? { nodeName: podSpec.nodeName } : {}),
    targetRef: {
      kind: 'Pod',
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      ...(metadata.uid ? { uid: metadata.uid } : {}),
    },
  };
}

function says(old: EndpointSlice, wanted: EndpointSlice): boolean {
  return (
    isDeepStrictEqual(old.endpoints ?? [], wanted.endpoints) &&
    isDeepStrictEqual(old.ports ?? [], wanted.ports) &&
    isDeepStrictEqual(old.metadata.labels ?? {}, wanted.metadata.labels)
  );
}
