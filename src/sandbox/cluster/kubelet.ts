import { createKubeClient, type KubeClient } from '../../kube/client.ts';
import { exchange } from '../../kube/exchange.ts';
import { createInformer } from '../../kube/informer.ts';
import { isConflict, isInvalid, isNotFound } from '../../kube/kube-error.ts';
import { keyOf, type Pod, type PodCondition } from '../../kube/objects.ts';
import { pods } from '../../kube/resource.ts';
import { objectPath } from '../../kube/resource-path.ts';
import type { KubeTransport } from '../../kube/transport.ts';
import { createWorkQueue, type ReconcileResult } from '../../kube/work-queue.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import { createPodAddresses, type PodAddressOptions } from './pod-addresses.ts';

/** What stands for a pod's containers. */
export interface RunningContainer {
  /** Ends it; resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts what stands for a pod's containers, at the pod's address. */
export type StartContainer = (pod: Pod, ip: string) => Promise<RunningContainer>;

export interface KubeletOptions {
  /** @default 'node-1' */
  nodeName?: string;
  addresses?: PodAddressOptions;
  /** Pods that are worked on at once. @default 16 */
  concurrency?: number;
}

export interface KubeletDeps {
  transport: KubeTransport;
  clock: Clock;
  random: Random;
  log: Log;
  startContainer: StartContainer;
  options?: KubeletOptions;
}

/** A node, its kubelet and a scheduler in one: it runs every pod that is bound to no other node. */
export interface Kubelet {
  /** Begins; resolves once the pods that are there are known. */
  start(): Promise<void>;
  /** The address at which a pod runs; undefined where it does not. */
  addressOf(namespace: string, name: string): string | undefined;
  /**
   * Gives a running pod another address, as a restarted sandbox gets. Resolves when the pod's status says so; rejects,
   * with the pod running where it was, where it can't be started elsewhere.
   */
  moveAddress(namespace: string, name: string): Promise<string>;
  /** Ends a pod's containers, as when a game is over. Resolves when the pod's status says so. */
  finish(namespace: string, name: string, phase: 'Succeeded' | 'Failed'): Promise<void>;
  /** Falls silent like a host that is cut off: nothing is stopped, deleted or reported any more. */
  vanish(): void;
  /** Ends, with all containers. */
  stop(): Promise<void>;
}

/** A container and the address at which it runs. */
interface Placed {
  ip: string;
  container: RunningContainer;
}

interface Running extends Placed {
  uid: string;
  startedAt: string;
  finished: 'Succeeded' | 'Failed' | undefined;
}

/**
 * Makes a kubelet. A pod without a node is bound to this one; it gets an address, its container is started, its status
 * says Running with the usual conditions (Ready only once every readiness gate is True). A deleted pod's container is
 * stopped, within its time of grace, and the pod then deleted with no grace. Not imitated: images, volumes, probes,
 * restarts, init containers, resources.
 */
export function createKubelet(deps: KubeletDeps): Kubelet {
  const { transport, clock, random, log } = deps;
  const { nodeName = 'node-1', concurrency = 16 } = deps.options ?? {};
  const client = createKubeClient({ transport, clock }, { fieldManager: 'kubelet' });
  const addresses = createPodAddresses({ clock }, deps.options?.addresses);
  const informer = createInformer<Pod>({ transport, clock, random, log, resource: pods });
  const queue = createWorkQueue({ clock, random, log, name: 'kubelet' });
  const running = new Map<string, Running>();
  const ending = new AbortController();
  let work: Promise<void> | undefined;

  informer.onChange(({ key }) => queue.add(key));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const pod = informer.get(key);
    const own = running.get(key);
    if (own && own.uid !== pod?.metadata.uid) await halt(key, own);
    if (!pod || (pod.spec.nodeName && pod.spec.nodeName !== nodeName)) return {};
    if (!pod.spec.nodeName) {
      const isGated = (pod.spec.schedulingGates ?? []).length > 0;
      if (!pod.metadata.deletionTimestamp && !isGated) await bind(transport, clock, pod, nodeName);
      return {};
    }
    if (pod.metadata.deletionTimestamp) return await terminate(key, pod);
    const phase = pod.status?.phase;
    if (phase === 'Succeeded' || phase === 'Failed') {
      if (own) await halt(key, own);
      return {};
    }
    return await run(key, pod);
  }

  async function run(key: string, pod: Pod): Promise<ReconcileResult> {
    let own = running.get(key);
    if (!own) {
      const started = await startAnywhere(pod);
      if (started === undefined) return { requeueAfterMs: 1000 };
      own = { uid: pod.metadata.uid!, ...started, startedAt: timeText(clock), finished: undefined };
      running.set(key, own);
    }
    await report(pod, own);
    return {};
  }

  /** Starts the container at an address that is free; undefined where none is. */
  async function startAnywhere(pod: Pod): Promise<Placed | undefined> {
    const ip = addresses.take();
    if (ip === undefined) return undefined;
    try {
      return { ip, container: await deps.startContainer(pod, ip) };
    } catch (error) {
      addresses.release(ip);
      throw error;
    }
  }

  async function end({ ip, container }: Placed): Promise<void> {
    await container.stop();
    addresses.release(ip);
  }

  /** Writes the pod's status where it does not say yet what is so. */
  async function report(pod: Pod, own: Running): Promise<void> {
    const status = statusOf(pod, own, timeText(clock));
    if (!status) return;
    const key = { namespace: pod.metadata.namespace!, name: pod.metadata.name };
    const body = { metadata: { uid: own.uid }, status };
    await tolerateGone(async () => {
      informer.put(await client.patch(pods, key, { type: 'strategic', body }, { subresource: 'status' }));
    });
  }

  async function terminate(key: string, pod: Pod): Promise<ReconcileResult> {
    const own = running.get(key);
    if (own) {
      // The grace was set when the deletion was asked for; what is left of it is the container's.
      const leftMs = Date.parse(pod.metadata.deletionTimestamp!) - clock.nowMs();
      const late = new AbortController();
      await Promise.race([own.container.stop(), sleep(clock, Math.max(0, leftMs), late.signal)]);
      late.abort();
      await halt(key, own);
    }
    await deleteNow(client, pod);
    return {};
  }

  async function halt(key: string, own: Running): Promise<void> {
    running.delete(key);
    await end(own);
  }

  function find(namespace: string, name: string): { key: string; own: Running; pod: Pod } {
    const key = keyOf({ metadata: { namespace, name } });
    const own = running.get(key);
    const pod = informer.get(key);
    if (!own || !pod) throw new Error(`The pod ${key} does not run on ${nodeName}.`);
    return { key, own, pod };
  }

  return {
    async start() {
      const { signal } = ending;
      await informer.start(signal);
      work = queue.run(signal, concurrency, reconcile);
    },
    addressOf: (namespace, name) => running.get(keyOf({ metadata: { namespace, name } }))?.ip,
    async moveAddress(namespace, name) {
      const { key, own, pod } = find(namespace, name);
      const old = { ip: own.ip, container: own.container };
      const next = await startAnywhere(pod);
      if (next === undefined) throw new Error('No address is free.');
      if (running.get(key) !== own) {
        await end(next);
        throw new Error(`The pod ${key} ended while it moved.`);
      }
      Object.assign(own, next);
      await end(old);
      await report(pod, own);
      return next.ip;
    },
    async finish(namespace, name, phase) {
      const { key, own, pod } = find(namespace, name);
      own.finished = phase;
      await report(pod, own);
      await halt(key, own);
    },
    vanish: () => ending.abort(),
    async stop() {
      ending.abort();
      await work;
      for (const [key, own] of [...running]) await halt(key, own);
    },
  };
}

async function bind(transport: KubeTransport, clock: Clock, pod: Pod, nodeName: string): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const body = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  };
  const request = {
    method: 'POST' as const,
    path: objectPath(pods, { namespace: namespace!, name }, 'binding'),
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  try {
    await exchange({ transport, clock }, request, { timeoutMs: 10_000 });
  } catch (error) {
    // Someone else bound it, or it is gone: the watch brings what is so.
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

async function deleteNow(client: KubeClient, pod: Pod): Promise<void> {
  const key = { namespace: pod.metadata.namespace!, name: pod.metadata.name };
  await tolerateGone(() => client.delete(pods, key, { uid: pod.metadata.uid!, gracePeriodSeconds: 0 }));
}

/** The pod may be gone, or another one under its name: then there is nothing left to say. */
async function tolerateGone(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error) && !isInvalid(error)) throw error;
  }
}

function timeText(clock: Clock): string {
  return `${new Date(clock.nowMs()).toISOString().slice(0, 19)}Z`;
}

/** What the status has to say that it does not say yet; undefined where nothing. */
function statusOf(pod: Pod, own: Running, now: string): Record<string, unknown> | undefined {
  const phase = own.finished ?? 'Running';
  const isRunning = phase === 'Running';
  const gates = pod.spec.readinessGates ?? [];
  const given = pod.status?.conditions ?? [];
  const isTrue = (type: string) => given.some(condition => condition.type === type && condition.status === 'True');
  const waiting = gates.filter(gate => !isTrue(gate.conditionType)).map(gate => gate.conditionType);
  const ready = isRunning && waiting.length === 0;
  const whyNot = isRunning
    ? {
        reason: 'ReadinessGatesNotReady',
        message: `the status of pod readiness gates is not "True": ${waiting.join(', ')}`,
      }
    : { reason: 'PodCompleted' };
  const wanted: PodCondition[] = [
    { type: 'Initialized', status: 'True' },
    { type: 'ContainersReady', status: isRunning ? 'True' : 'False', ...(isRunning ? {} : { reason: 'PodCompleted' }) },
    { type: 'Ready', status: ready ? 'True' : 'False', ...(ready ? {} : whyNot) },
  ];
  const changed = wanted.filter(({ type, status, reason, message }) => {
    const before = given.find(condition => condition.type === type);
    return before?.status !== status || before.reason !== reason || before.message !== message;
  });
  const same = pod.status?.phase === phase && pod.status.podIP === own.ip && changed.length === 0;
  if (same) return undefined;
  const state = isRunning
    ? { running: { startedAt: own.startedAt } }
    : {
        terminated: {
          exitCode: phase === 'Succeeded' ? 0 : 1,
          reason: phase === 'Succeeded' ? 'Completed' : 'Error',
          startedAt: own.startedAt,
          finishedAt: now,
        },
      };
  return {
    phase,
    podIP: own.ip,
    podIPs: [{ $patch: 'replace' }, { ip: own.ip }],
    hostIP: '10.0.0.10',
    startTime: own.startedAt,
    ...(changed.length > 0
      ? {
          conditions: changed.map(condition => ({
            // A null takes away what an earlier state said.
            reason: null,
            message: null,
            ...condition,
            lastProbeTime: null,
            ...transition(given, condition, now),
          })),
        }
      : {}),
    containerStatuses: pod.spec.containers.map(({ name }) => ({
      name,
      ready: isRunning,
      started: isRunning,
      restartCount: 0,
      image: '',
      imageID: '',
      state,
    })),
  };
}

/** The time of a condition's last change of status. */
function transition(
  given: PodCondition[],
  { type, status }: PodCondition,
  now: string,
): { lastTransitionTime?: string } {
  return given.some(condition => condition.type === type && condition.status === status)
    ? {}
    : { lastTransitionTime: now };
}
