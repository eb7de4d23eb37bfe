import type { NLBPort } from '../api/port.ts';
import type { CallOptions, CallPriority } from '../aws/elbv2-api.ts';
import { nextStep, type Step } from '../core/lifecycle.ts';
import type { Informer } from '../kube/informer.ts';
import type { Clock } from '../runtime/clock.ts';
import { lifecycleInput, type PortContext } from './port-context.ts';

/** A step's AWS calls, for as long as the step is the one to do. */
export interface WantedCall {
  options: CallOptions;
  /** Gives up what still waits for its turn, where the port wants something else by now. */
  lookAgain(): void;
  end(): void;
}

export interface WantedCallDeps {
  ports: Informer<NLBPort>;
  clock: Clock;
  /** The lease's deadline: asked in the same turn in which a call leaves. */
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading. */
  signal: AbortSignal;
}

/** The call of one step; `waitingSinceMs` is since when the port waits, for its place in the budget's queue. */
export function wantedCall(
  deps: WantedCallDeps,
  port: NLBPort,
  context: PortContext,
  step: Step,
  waitingSinceMs: number,
): WantedCall {
  const { name } = port.metadata;
  const wished = JSON.stringify(step);
  const giveUp = new AbortController();
  const onStop = () => giveUp.abort('not wanted');
  if (deps.signal.aborted) giveUp.abort('not wanted');
  else deps.signal.addEventListener('abort', onStop, { once: true });
  let hasLeft = false;
  const isWanted = () => {
    const current = deps.ports.get(name);
    if (!current || !deps.isLeader()) return false;
    return JSON.stringify(nextStep(lifecycleInput(current, context, deps.clock.nowMs()))) === wished;
  };
  return {
    options: {
      priority: priorityOf(port, step),
      waitingSinceMs,
      signal: giveUp.signal,
      stillWanted() {
        hasLeft = isWanted();
        return hasLeft;
      },
    },
    lookAgain() {
      // A change on its way is waited for: what is asked for next must not overtake it.
      if ((!hasLeft || isRead(step)) && !isWanted()) giveUp.abort('not wanted');
    },
    end: () => deps.signal.removeEventListener('abort', onStop),
  };
}

function isRead(step: Step): boolean {
  return (
    step.do === 'lookForTargets' ||
    step.do === 'findResources' ||
    step.do === 'inspectTargetGroup' ||
    step.do === 'readHealth'
  );
}

function priorityOf(port: NLBPort, step: Step): CallPriority {
  const held = port.spec.claim !== undefined && port.spec.claim.releasedAt === undefined;
  switch (step.do) {
    case 'deregisterTargets':
      return 'deregister';
    case 'registerTargets':
      return 'bind';
    case 'lookForTargets':
      return 'provision';
    case 'readHealth':
      return 'release';
    case 'deleteListener':
    case 'deleteTargetGroup':
      return 'release';
    case 'modifyHealthCheck':
    case 'modifyAttributes':
      return held && port.status?.listenerArn === undefined ? 'provision' : 'warm';
    default:
      return held ? 'provision' : 'warm';
  }
}
