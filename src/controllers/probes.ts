import { findCondition, withCondition } from '../api/conditions.ts';
import type { NLBPortPool } from '../api/pool.ts';
import { type NLBPort, nlbPorts, type PortStatus } from '../api/port.ts';
import { isToBeProbed, judgeAnswers, probedCondition, probeOf } from '../core/probe.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Informer } from '../kube/informer.ts';
import type { ReconcileResult, WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { ConversationNetwork } from '../runtime/conversation.ts';
import type { Log } from '../runtime/log.ts';
import { askThrough } from './ask-through.ts';
import { isSameForPorts, loadBalancerOf } from './port-context.ts';
import { updateStatus } from './update-status.ts';

export interface ProbesDeps {
  client: KubeClient;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  network: ConversationNetwork;
  clock: Clock;
  log: Log;
  isLeader: () => boolean;
}

/** Ports that are probed at a time: with two seconds for an answer, at most some hundred sockets. */
export const probesAtOnce = 32;

/** A load balancer has one address for each of at most six zones of a region. */
const maxAddresses = 8;
const firstRetryMs = 1_000;
const lastRetryMs = 30_000;

/**
 * Sends the probe of a pool to its ports through every address of their load balancer, until the expected answer came
 * through all of them.
 *
 * Trigger: a port of a pod whose pool has a probe, once AWS calls its target healthy; the pool's spec. Reads: the NLBPort
 * and its pool; the name service, and the load balancer's addresses. Writes: the condition `Probed` of the NLBPort. Requeue:
 * after a second, then ever later, at most half a minute, until it passed. Failure: the condition says what came back,
 * once the settle time is over.
 */
export function probeReconciler(deps: ProbesDeps): (name: string) => Promise<ReconcileResult> {
  /** How often in a row a port's present targets were probed in vain. */
  const tries = new Map<string, { of: string; count: number }>();

  return async name => {
    const port = deps.ports.get(name);
    const pool = port && deps.pools.get(port.spec.pool);
    const probe = pool && probeOf(pool.spec);
    const loadBalancer = port && pool && loadBalancerOf(port, pool);
    if (!port || !probe || !loadBalancer || !deps.isLeader() || !isToBeProbed(port)) {
      tries.delete(name);
      return {};
    }
    const addresses = await deps.network.addressesOf(loadBalancer.dnsName);
    const asked = addresses.slice(0, maxAddresses).map(address => askThrough(deps, address, port.spec.port, probe));
    const error = judgeAnswers(loadBalancer.dnsName, port.spec.port, await Promise.all(asked), probe);
    if (!error) {
      tries.delete(name);
      await save(deps, port, 'True', 'Answered', 'The expected answer came through every address');
      deps.log.debug({ port: name, addresses: addresses.length }, 'Probe passed');
      return {};
    }
    // Healthy is not yet flowing: until it has settled, that is no news.
    if (deps.clock.nowMs() >= Date.parse(port.status?.readyAfter ?? '')) {
      await save(deps, port, 'False', error.reason, error.message);
    }
    const of = targetsOf(port);
    const before = tries.get(name);
    const count = before?.of === of ? before.count + 1 : 0;
    tries.set(name, { of, count });
    return { requeueAfterMs: Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(count, 10)) };
  };
}

/** Adds to the queue every port that has come to be probed, and those of a pool whose spec changed. */
export function watchForProbes({ ports, pools }: Pick<ProbesDeps, 'ports' | 'pools'>, queue: WorkQueue): void {
  ports.onChange(({ key, object, previous }) => {
    // What is being probed comes back by itself: its own news must not bring it back at once.
    const isNew = !previous || !isToBeProbed(previous) || targetsOf(previous) !== (object && targetsOf(object));
    if (object && isToBeProbed(object) && isNew) queue.add(key);
  });
  pools.onChange(({ key, object, previous }) => {
    if (isSameForPorts(object, previous)) return;
    for (const port of ports.by('pool', key)) if (isToBeProbed(port)) queue.add(port.metadata.name);
  });
}

/** Who is asked: an answer is only about the claimant and the targets of then. */
function targetsOf({ spec: { claim, targets } }: NLBPort): string {
  return JSON.stringify([claim?.uid, targets]);
}

async function save(
  deps: ProbesDeps,
  asked: NLBPort,
  status: 'True' | 'False',
  reason: string,
  message: string,
): Promise<void> {
  const { client, ports: informer, clock } = deps;
  await updateStatus({ client, informer, resource: nlbPorts }, asked, (current): PortStatus | undefined => {
    if (!deps.isLeader() || targetsOf(current) !== targetsOf(asked) || !isToBeProbed(current)) return undefined;
    const before = findCondition(current.status?.conditions, probedCondition);
    // The first failure of a kind is kept: another answer of the same kind is no news.
    if (before?.reason === reason) return undefined;
    const observedGeneration = current.metadata.generation;
    const condition = { type: probedCondition, status, reason, message, observedGeneration };
    return { ...current.status, conditions: withCondition(current.status?.conditions, condition, clock.nowMs()) };
  });
}
