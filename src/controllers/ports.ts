import { preciseTimestamp } from '../api/conditions.ts';
import type { CodedError, Result } from '../api/errors.ts';
import { awsFinalizer } from '../api/names.ts';
import type { IpFamily, NLBPortPool } from '../api/pool.ts';
import { type KnownTarget, type NLBPort, nlbPorts, type PortStatus, sameTarget, type Target } from '../api/port.ts';
import { NotWanted } from '../aws/aws-error.ts';
import type { CallOptions, CallPriority } from '../aws/elbv2-api.ts';
import type { PortProvider, PortResources, TargetHealth } from '../aws/port-provider.ts';
import { adoptionTimes, announceLook, recordLook } from '../core/adoption.ts';
import { isConflict as isInConflict } from '../core/allocate.ts';
import { isSetBack } from '../core/audit-repair.ts';
import { familiesOf, wantedFamily } from '../core/ip-family.ts';
import { forgetAfterMs, nextStep, type Step } from '../core/lifecycle.ts';
import {
  announceRemoval,
  announceResources,
  isSameTargetGroup,
  recordFound,
  recordListener,
  recordListenerGone,
  recordListenerLost,
  recordTargetGroup,
  recordTargetGroupGone,
} from '../core/resource-record.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isInvalid, isNotFound } from '../kube/kube-error.ts';
import { type ReconcileResult, requeueAt, ToldError, type WorkQueue } from '../kube/work-queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Observer } from './observer.ts';
import { lifecycleInput, type OperatorTimes, type PortContext, portContext } from './port-context.ts';
import { deriveStatus, markTargets, withFailure, withHealth } from './port-status.ts';
import { type UpdateOptions, updateStatus } from './update-status.ts';

export interface PortsDeps {
  client: KubeClient;
  ports: Informer<NLBPort>;
  pools: Informer<NLBPortPool>;
  provider: PortProvider;
  events: EventRecorder;
  clock: Clock;
  log: Log;
  observer: Observer;
  /** The lease's deadline: asked in the same turn in which a call leaves. */
  isLeader: () => boolean;
  /** Aborted when the process is to stop leading: calls that still wait for their turn are given up. */
  signal: AbortSignal;
  times: OperatorTimes;
}

/** The same, with what this process has written down itself. */
interface PortsContext extends PortsDeps {
  announcements: Announcements;
}

/** A step failed for a reason that its object shows; the queue's backoff brings it back. */
class StepFailed extends ToldError {
  override readonly name = 'StepFailed';
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
  const deps: PortsContext = { ...given, announcements: createAnnouncements(given.ports) };
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
        await saveStatus(deps, port, current => announceLook(current, afterNow(deps, adoptionTimes.lookMs)));
        leftBehind.delete(port);
        continue;
      }
      const context = portContext(port, pool, deps.times);
      const next = nextStep(lifecycleInput(port, context, deps.clock.nowMs()));
      const step = deps.announcements.before(port, next);
      if (step.do === 'rest') {
        await saveStatus(deps, port, current => current.status ?? {});
        return step.untilMs === undefined ? {} : requeueAt(deps.clock, step.untilMs);
      }
      // The pool lists the load balancer, or retires the port, before long: either brings the port back here.
      if (!context.loadBalancer && isNew(port, step)) {
        await saveStatus(deps, port, current => current.status ?? {});
        return {};
      }
      const call = wantedCall(deps, port, context, step, handsSince(port));
      lookAgain.set(name, call.lookAgain);
      try {
        await perform(deps, port, context, step, call.options);
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
    // But for what the audit no longer believes.
    if (wished || isSetBack(object?.status, previous?.status)) queue.add(key, object?.spec.claim ? 0 : 1);
  });
  deps.pools.onChange(({ key, object, previous }) => {
    const same =
      object?.metadata.generation === previous?.metadata.generation &&
      JSON.stringify(object?.status?.loadBalancers) === JSON.stringify(previous?.status?.loadBalancers);
    if (same) return;
    for (const port of deps.ports.by('pool', key)) queue.add(port.metadata.name, 2);
  });
}

async function perform(
  deps: PortsContext,
  port: NLBPort,
  context: PortContext,
  step: Step,
  options: CallOptions,
): Promise<void> {
  const { provider, clock } = deps;
  const save = (mutate: (current: NLBPort) => PortStatus | undefined, options?: UpdateOptions) =>
    saveStatus(deps, port, mutate, options);
  const ifSameGroup = (current: NLBPort, status: PortStatus | undefined) =>
    isSameTargetGroup(port, current) ? status : undefined;
  const saveOfGroup = (mutate: Parameters<typeof save>[0]) => save(current => ifSameGroup(current, mutate(current)));
  const { targetGroupArn = '', listenerArn = '' } = port.status ?? {};
  const { fingerprints } = context.settings;
  const asked = { port, atMs: clock.nowMs(), forgetAfterMs: forgetAfterMs(context.times) };

  switch (step.do) {
    case 'announceResources': {
      const known = port.status?.creating;
      const written = await save(
        current => (known === undefined || known === current.status?.creating ? announceResources(current) : undefined),
        { always: true },
      );
      if (written) deps.announcements.add(written);
      return;
    }

    case 'announceLook':
      await save(current => announceLook(current, afterNow(deps, adoptionTimes.lookMs)));
      return;

    case 'lookForTargets': {
      const looked = lookForTargets(deps, port, context, options);
      const found = await orFail(deps, port, 'Provisioned', looked);
      await save(current => {
        if (!found || found.targets.length === 0) return recordLook(port, current, undefined);
        const status = withHealth(current, found.targets, clock.nowMs(), asked);
        const { targetGroupArn: arn, ipFamily } = found;
        return recordLook(port, current, {
          status,
          targetGroupArn: arn,
          ...(ipFamily ? { ipFamily } : {}),
          adoptUntil: afterNow(deps, adoptionTimes.adoptMs),
        });
      });
      return;
    }
    case 'findResources': {
      const found = await orFail(deps, port, 'Provisioned', provider.findResources(resources(port, context), options));
      await save(current => recordFound(port, current, found));
      return;
    }
    case 'createTargetGroup': {
      const {
        targetGroupArn: arn,
        ipFamily,
        healthCheckApplied,
      } = await orFail(deps, port, 'Provisioned', provider.createTargetGroup(resources(port, context), options));
      const made = {
        targetGroupArn: arn,
        ipFamily,
        ...(healthCheckApplied ? { healthCheck: fingerprints.healthCheck } : {}),
      };
      await save(current => recordTargetGroup(port, current, made));
      return;
    }
    case 'inspectTargetGroup': {
      const inspected = provider.inspectTargetGroup(resources(port, context), targetGroupArn, options);
      const { targets } = await orFail(deps, port, 'Provisioned', inspected);
      await saveOfGroup(current => ({ ...withHealth(current, targets, clock.nowMs(), asked), inspected: true }));
      return;
    }
    case 'modifyHealthCheck':
      await orFail(
        deps,
        port,
        'Provisioned',
        provider.modifyHealthCheck(resources(port, context), targetGroupArn, options),
      );
      await saveOfGroup(({ status }) => ({
        ...status,
        applied: { ...status?.applied, healthCheck: fingerprints.healthCheck },
      }));
      return;

    case 'modifyAttributes':
      await orFail(
        deps,
        port,
        'Provisioned',
        provider.modifyAttributes(resources(port, context), targetGroupArn, options),
      );
      await saveOfGroup(({ status }) => ({
        ...status,
        applied: { ...status?.applied, attributes: fingerprints.attributes },
      }));
      return;

    case 'createListener': {
      const listener = provider.createListener(resources(port, context), targetGroupArn, options);
      const made = await orFail(deps, port, 'Provisioned', listener);
      await save(current => recordListener(port, current, made.listenerArn));
      return;
    }
    case 'announceTargets': {
      const written = await saveOfGroup(current => {
        const isOpen = (target: Target) =>
          current.spec.targets?.some(other => sameTarget(other, target)) &&
          !current.status?.targets?.some(other => sameTarget(other, target) && other.state === 'Registered');
        const still = step.targets.filter(isOpen);
        return still.length === 0 ? undefined : markTargets(current.status ?? {}, still, 'Registering', clock.nowMs());
      });
      if (written) deps.announcements.add(written);
      return;
    }

    case 'registerTargets':
      await orFail(deps, port, 'TargetsRegistered', provider.registerTargets(targetGroupArn, step.targets, options));
      await saveOfGroup(({ status }) => markTargets(status ?? {}, step.targets, 'Registered', clock.nowMs()));
      deps.observer.registered(port.spec.pool, port.metadata.name);
      return;

    case 'announceDeparture': {
      const written = await saveOfGroup(current => {
        const isLeaving = (target: Target) => !current.spec.targets?.some(other => sameTarget(other, target));
        const still = step.targets.filter(isLeaving);
        return still.length === 0
          ? undefined
          : markTargets(current.status ?? {}, still, 'Deregistering', clock.nowMs());
      });
      if (written) deps.announcements.add(written);
      return;
    }

    case 'deregisterTargets':
      if (targetGroupArn) {
        await orFail(
          deps,
          port,
          'TargetsRegistered',
          provider.deregisterTargets(targetGroupArn, step.targets, options),
        );
      }
      await saveOfGroup(({ status }) => markTargets(status ?? {}, step.targets, 'Draining', clock.nowMs()));
      return;

    case 'readHealth': {
      const found = targetGroupArn
        ? await orFail(deps, port, 'Healthy', provider.describeHealth(targetGroupArn, options))
        : undefined;
      const written = await save(current =>
        found === undefined
          ? recordTargetGroupGone(port, current)
          : ifSameGroup(current, withHealth(current, found, clock.nowMs(), asked)),
      );
      const healthy = written?.status?.conditions?.some(({ type, status }) => type === 'Healthy' && status === 'True');
      if (healthy) deps.observer.healthy(port.spec.pool, port.metadata.name);
      return;
    }
    case 'startQuarantine':
      await save(({ status, spec }) => {
        if (spec.claim?.releasedAt === undefined || (status?.targets ?? []).length > 0) return undefined;
        const reuseAfter = preciseTimestamp(clock.nowMs() + context.times.quarantineMs);
        const isThere = status?.targetGroupArn !== undefined;
        return {
          ...status,
          reuseAfter,
          reuseOf: spec.claim.releasedAt,
          ...(isThere ? { lateLookAfter: reuseAfter } : {}),
        };
      });
      return;

    case 'removeClaim':
      await removeClaim(deps, port);
      return;

    case 'announceRemoval':
      await save(announceRemoval);
      return;

    case 'deleteListener':
      await orFail(deps, port, 'Provisioned', provider.deleteListener(listenerArn, options));
      await save(current => recordListenerGone(port, current));
      return;

    case 'deleteTargetGroup':
      await orFail(deps, port, 'Provisioned', provider.deleteTargetGroup(targetGroupArn, options));
      await save(current => recordTargetGroupGone(port, current));
      return;

    case 'dropFinalizer':
      await dropFinalizer(deps, port);
      return;

    default:
      throw new Error(`Not a step to perform: ${step.do}`);
  }
}

/** Writes the status by compare-and-swap, with all that follows from it. */
function saveStatus(
  deps: PortsDeps,
  port: NLBPort,
  mutate: (current: NLBPort) => PortStatus | undefined,
  options?: UpdateOptions,
): Promise<NLBPort | undefined> {
  const { client, ports: informer } = deps;
  const derive = (current: NLBPort) => {
    const status = mutate(current);
    const pool = deps.pools.get(current.spec.pool);
    if (status === undefined || !pool) return status;
    return deriveStatus(current, status, portContext(current, pool, deps.times), deps.clock.nowMs());
  };
  return updateStatus({ client, informer, resource: nlbPorts }, port, derive, options);
}

/** The step's value; or its error written where people look, and thrown for the queue to back off. */
async function orFail<T>(deps: PortsDeps, port: NLBPort, conditionType: string, step: Promise<Result<T>>): Promise<T> {
  const result = await step;
  if (result.ok) return result.value;
  const { error } = result;
  deps.log.warn(
    {
      port: port.metadata.name,
      pool: port.spec.pool,
      loadBalancer: port.spec.loadBalancer.arn,
      ...(port.spec.claim ? { pod: `${port.spec.claim.namespace}/${port.spec.claim.name}` } : {}),
      code: error.code,
      awsAction: error.aws?.action,
      awsErrorCode: error.aws?.errorCode,
      awsRequestId: error.aws?.requestId,
    },
    error.message,
  );
  const before = port.status?.conditions;
  const written = await saveStatus(deps, port, current => {
    const { status, metadata } = current;
    const failed = withFailure(status ?? {}, conditionType, error, metadata.generation ?? 0, deps.clock.nowMs());
    if (isInConflict({ status: failed })) {
      const lost =
        error.reason === 'ListenerConflict' ? recordListenerLost(port, { ...current, status: failed }) : failed;
      return { ...lost, conflictUntil: preciseTimestamp(deps.clock.nowMs() + deps.times.conflictRetryMs) };
    }
    // A listener of ours that nobody wrote down keeps it in use: it is looked for.
    if (error.reason === 'AwsResourceInUse') return announceResources({ ...current, status: failed });
    return isGone(error) ? (recordTargetGroupGone(port, { ...current, status: failed }) ?? failed) : failed;
  });
  const known = before?.some(condition => condition.type === conditionType && condition.reason === error.reason);
  if (written && !known) {
    deps.events.record({
      resource: nlbPorts,
      object: written,
      type: 'Warning',
      reason: error.reason,
      action: error.aws?.action ?? 'Provision',
      message: error.message,
    });
  }
  throw new StepFailed(error.message);
}

/** AWS says that the target group is not there any more: someone deleted it, and its listener before it. */
function isGone(error: CodedError): boolean {
  return error.aws?.errorCode.startsWith('TargetGroupNotFound') ?? false;
}

async function removeClaim(deps: PortsDeps, port: NLBPort): Promise<void> {
  const { claim, pool } = port.spec;
  if (claim?.releasedAt === undefined) return;
  await swap(deps, port, () =>
    deps.client.patch(
      nlbPorts,
      { name: port.metadata.name },
      {
        type: 'json',
        operations: [
          { op: 'test', path: '/spec/claim/uid', value: claim.uid },
          { op: 'test', path: '/spec/claim/releasedAt', value: claim.releasedAt },
          { op: 'remove', path: '/spec/claim' },
        ],
      },
    ),
  );
  deps.log.info({ port: port.metadata.name, pool, claimant: `${claim.namespace}/${claim.name}` }, 'Port is free again');
}

async function dropFinalizer(deps: PortsDeps, port: NLBPort): Promise<void> {
  const { finalizers = [], resourceVersion } = port.metadata;
  const left = finalizers.filter(finalizer => finalizer !== awsFinalizer);
  // With the resourceVersion that showed no claim: a bind in between makes it fail.
  await swap(deps, port, () =>
    deps.client.patch(
      nlbPorts,
      { name: port.metadata.name },
      { type: 'merge', body: { metadata: { resourceVersion, finalizers: left } } },
    ),
  );
}

/** Writes, and takes a lost race as news: the live object goes into the cache and decides the next step. */
async function swap(deps: PortsDeps, port: NLBPort, write: () => Promise<NLBPort>): Promise<void> {
  try {
    deps.ports.put(await write());
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isConflict(error) && !isInvalid(error)) throw error;
    const live = await afterLostRace(deps.client, nlbPorts, port, error);
    if (live) deps.ports.put(live);
  }
}

/** A step's AWS calls, for as long as the step is the one to do. */
interface WantedCall {
  options: CallOptions;
  /** Gives up what still waits for its turn, where the port wants something else by now. */
  lookAgain(): void;
  end(): void;
}

function wantedCall(
  deps: PortsDeps,
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

/** Who is in the group of a port that was made again; undefined where there is no group. */
async function lookForTargets(
  { provider }: PortsDeps,
  port: NLBPort,
  context: PortContext,
  options: CallOptions,
): Promise<Result<{ targetGroupArn: string; ipFamily?: IpFamily; targets: TargetHealth[] } | undefined>> {
  const found = await provider.findResources(resources(port, context), options);
  if (!found.ok) return found;
  const { targetGroupArn, ipFamily } = found.value;
  if (targetGroupArn === undefined) return { ok: true, value: undefined };
  const inspected = await provider.inspectTargetGroup(resources(port, context), targetGroupArn, options);
  return inspected.ok
    ? { ok: true, value: { targetGroupArn, ...(ipFamily ? { ipFamily } : {}), ...inspected.value } }
    : inspected;
}

/** The time so long from now, as it is written on objects. */
function afterNow({ clock }: PortsDeps, ms: number): string {
  return preciseTimestamp(clock.nowMs() + ms);
}

/** Since when a port is in its present hands: who came first is served first by AWS too, with all of its calls. */
function createHandsSince({ clock, ports }: Pick<PortsDeps, 'clock' | 'ports'>): (port: NLBPort) => number {
  const known = new Map<string, { uid: string | undefined; atMs: number }>();
  ports.onChange(({ key, object }) => {
    if (!object) known.delete(key);
  });
  return ({ metadata: { name }, spec: { claim } }) => {
    const before = known.get(name);
    if (before && before.uid === claim?.uid) return before.atMs;
    const atMs = clock.nowMs();
    known.set(name, { uid: claim?.uid, atMs });
    return atMs;
  };
}

/** What this process has written down of what AWS is about to be asked. */
interface Announcements {
  add(port: NLBPort): void;
  /** The step itself, or to write down once more what another process has announced. */
  before(port: NLBPort, step: Step): Step;
}

/**
 * What another process has written down may have been taken back long ago, and a standby whose watch stood still not know
 * of it; its object may even be another one. The new leader writes it down once more, which only the newest object lets it do.
 */
function createAnnouncements(ports: Informer<NLBPort>): Announcements {
  const own = new Map<string, ReturnType<typeof announced>>();
  const announced = ({ status }: NLBPort) => {
    const inState = (wanted: KnownTarget['state']) =>
      (status?.targets ?? []).filter(({ state }) => state === wanted).map(entry => JSON.stringify(entry));
    return {
      creating: status?.creating,
      registering: inState('Registering'),
      deregistering: inState('Deregistering'),
    };
  };
  // What AWS has carried out a part of stands there no more.
  const isPart = (now: readonly string[], here: readonly string[] = []) => {
    const known = new Set(here);
    return now.every(entry => known.has(entry));
  };
  ports.onChange(({ key, object }) => {
    if (!object) own.delete(key);
  });
  return {
    add: port => void own.set(port.metadata.name, announced(port)),
    before(port, step) {
      const [here, now] = [own.get(port.metadata.name), announced(port)];
      const makes = step.do === 'createTargetGroup' || step.do === 'createListener';
      if (makes && here?.creating !== now.creating) return { do: 'announceResources' };
      if (step.do === 'registerTargets' && !isPart(now.registering, here?.registering))
        return { do: 'announceTargets', targets: step.targets };
      if (step.do === 'deregisterTargets' && !isPart(now.deregistering, here?.deregistering))
        return { do: 'announceDeparture', targets: step.targets };
      return step;
    },
  };
}

/**
 * Ports whose objects were deleted by somebody else and left resources in AWS: the next object of the name looks for them,
 * or they would stay there with nobody to know of them. A process that was not there to see it leaves it to the audit.
 */
function createLeftBehind({ ports, pools }: Pick<PortsDeps, 'ports' | 'pools'>) {
  const poolByName = new Map<string, string>();
  ports.onChange(({ key, object, previous }) => {
    const { listenerArn, targetGroupArn, creating } = previous?.status ?? {};
    const isLeft = !object && (listenerArn ?? targetGroupArn ?? creating) !== undefined;
    if (isLeft) poolByName.set(key, previous?.spec.pool ?? '');
  });
  // Nobody makes them again.
  pools.onChange(({ key, object }) => {
    if (object) return;
    for (const [name, pool] of poolByName) if (pool === key) poolByName.delete(name);
  });
  return {
    has: ({ metadata }: NLBPort) => poolByName.has(metadata.name) && metadata.deletionTimestamp === undefined,
    delete: ({ metadata }: NLBPort) => poolByName.delete(metadata.name),
  };
}

/** Whether the step makes what the port never had. A listener that it had is mended for those who know its endpoint. */
function isNew({ status }: NLBPort, step: Step): boolean {
  return step.do === 'createTargetGroup' || (step.do === 'createListener' && status?.listenerArn === undefined);
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

function resources(port: NLBPort, { pool, settings, loadBalancer }: PortContext): PortResources {
  const wanted = wantedFamily(port);
  return {
    portName: port.metadata.name,
    pool: port.spec.pool,
    loadBalancerArn: port.spec.loadBalancer.arn,
    vpcId: loadBalancer?.vpcId ?? '',
    port: port.spec.port,
    protocol: port.spec.protocol,
    settings,
    ipFamily: wanted ?? port.status?.ipFamily ?? familiesOf(pool, loadBalancer)[0] ?? 'IPv4',
    needsFamily: wanted !== undefined,
    tags: pool.spec.tags ?? {},
  };
}
