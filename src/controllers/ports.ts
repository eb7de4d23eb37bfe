import { type NLBPort, type PortStatus, sameTarget } from '../api/port.ts';
import { NotWanted } from '../aws/aws-error.ts';
import { adoptionTimes, announceLook } from '../core/adoption.ts';
import { isSetBack } from '../core/audit-repair.ts';
import { nextStep, type Step } from '../core/lifecycle.ts';
import { type ReconcileResult, requeueAt, type WorkQueue } from '../kube/work-queue.ts';
import { createAnnouncements } from './announcements.ts';
import { createHandsSince } from './hands-since.ts';
import { createLeftBehind } from './left-behind.ts';
import { afterNow, type PerformStepDeps, performStep } from './perform-step.ts';
import { isSameForPorts, lifecycleInput, portContext } from './port-context.ts';
import { savePortStatus } from './save-port-status.ts';
import { wantedCall } from './wanted-call.ts';

export interface PortsDeps extends Omit<PerformStepDeps, 'announcements'> {
  /** The lease's deadline: asked in the same turn in which a call leaves. */
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading: calls that still wait for their turn are given up. */
  signal: AbortSignal;
}

/** Steps in one turn of the queue, far above what a port's life needs from one end to the other. */
const maxStepsPerTurn = 30;

/**
 * Drives one NLBPort's AWS resources to its spec.
 *
 * Trigger: the NLBPort's spec or deletion, its pool's spec or load balancers, or a time on its status. Reads: the NLBPort
 * and its pool; never a pod. Writes: the NLBPort's status, the removal of a released claim, the finalizer; AWS. Requeue:
 * at the next time that matters. Failure: the coded reason stands in a condition, and the queue backs off.
 */
export function portReconciler(given: PortsDeps): (name: string) => Promise<ReconcileResult> {
  const deps = { ...given, announcements: createAnnouncements(given.ports) };
  const lookAgain = new Map<string, () => void>();
  const handsSince = createHandsSince(deps);
  const leftBehind = createLeftBehind(deps);
  // A call may wait minutes for the budget: what the port wants meanwhile must not wait behind it.
  deps.ports.onChange(({ key }) => lookAgain.get(key)?.());

  return async name => {
    for (let steps = 0; steps < maxStepsPerTurn; steps++) {
      const port = deps.ports.get(name);
      if (!port) deps.observer.portGone(name);
      if (!port || !deps.isLeader() || deps.signal.aborted) return {};
      const pool = deps.pools.get(port.spec.pool);
      // Without its pool nobody knows what is wanted of the port; the pool's finalizer makes this a passing state.
      if (!pool) return {};
      if (leftBehind.has(port)) {
        await savePortStatus(deps, port, current => announceLook(current, afterNow(deps, adoptionTimes.lookMs)));
        leftBehind.delete(port);
        continue;
      }
      const context = portContext(port, pool, deps.times);
      const next = nextStep(lifecycleInput(port, context, deps.clock.nowMs()));
      const step = deps.announcements.before(port, next);
      if (step.do === 'rest') {
        await savePortStatus(deps, port, current => current.status ?? {});
        return step.untilMs === undefined ? {} : requeueAt(deps.clock, step.untilMs);
      }
      // The pool lists the load balancer, or retires the port, before long: either brings the port back here.
      if (!context.loadBalancer && isNew(port, step)) {
        await savePortStatus(deps, port, current => current.status ?? {});
        return {};
      }
      const call = wantedCall(deps, port, context, step, handsSince(port));
      lookAgain.set(name, call.lookAgain);
      try {
        await performStep(deps, port, context, step, call.options);
      } catch (error) {
        // The world changed while the call waited for its turn: look again.
        if (!(error instanceof NotWanted)) throw error;
      } finally {
        lookAgain.delete(name);
        call.end();
      }
      // The news of its end is on its way; until then the object stands in the cache as it was.
      if (step.do === 'dropFinalizer') return { requeueAfterMs: 1_000 };
    }
    return { requeueAfterMs: 100 };
  };
}

/** Adds to the queue every port that a change of a port or of a pool concerns. */
export function watchForPorts(deps: Pick<PortsDeps, 'ports' | 'pools'>, queue: WorkQueue): void {
  deps.ports.onChange(({ key, object, previous }) => {
    // The status is this loop's own writing.
    const wished =
      object?.metadata.generation !== previous?.metadata.generation ||
      object?.metadata.deletionTimestamp !== previous?.metadata.deletionTimestamp;
    // But for what the audit no longer believes, and for what another process found there.
    const isNews = isSetBack(object?.status, previous?.status) || hasFound(object?.status, previous?.status);
    if (wished || isNews) queue.add(key, object?.spec.claim ? 0 : 1);
  });
  deps.pools.onChange(({ key, object, previous }) => {
    if (isSameForPorts(object, previous)) return;
    for (const port of deps.ports.by('pool', key)) queue.add(port.metadata.name, 2);
  });
}

/** Whether the step makes what the port never had. A listener that it had is mended for those who know its endpoint. */
function isNew({ status }: NLBPort, step: Step): boolean {
  return step.do === 'createTargetGroup' || (step.do === 'createListener' && status?.listenerArn === undefined);
}

/** Whether a target appears as registered that nobody had announced: a look at AWS showed it. */
function hasFound(status: PortStatus | undefined, previous: PortStatus | undefined): boolean {
  return (status?.targets ?? []).some(
    target => target.state === 'Registered' && !previous?.targets?.some(other => sameTarget(other, target)),
  );
}
