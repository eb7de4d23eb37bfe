import { preciseTimestamp } from '../api/conditions.ts';
import type { CodedError, Result } from '../api/errors.ts';
import { awsFinalizer } from '../api/names.ts';
import type { IpFamily } from '../api/pool.ts';
import { type NLBPort, nlbPorts, type PortStatus, sameTarget, type Target } from '../api/port.ts';
import type { CallOptions } from '../aws/elbv2-api.ts';
import type { PortProvider, PortResources, TargetHealth } from '../aws/port-provider.ts';
import { adoptionTimes, announceLook, recordLook } from '../core/adoption.ts';
import { isConflict as isInConflict } from '../core/allocate.ts';
import { doubtSettings } from '../core/audit-repair.ts';
import { familiesOf, wantedFamily } from '../core/ip-family.ts';
import { forgetAfterMs, type Step, searchAgainMs } from '../core/lifecycle.ts';
import { beginQuarantine } from '../core/quarantine.ts';
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
import type { EventRecorder } from '../kube/event-recorder.ts';
import { isConflict, isInvalid, isNotFound } from '../kube/kube-error.ts';
import { ToldError } from '../kube/work-queue.ts';
import type { Log } from '../runtime/log.ts';
import type { Announcements } from './announcements.ts';
import type { Observer } from './observer.ts';
import { type PortContext, portContext } from './port-context.ts';
import { markTargets, withFailure, withHealth } from './port-status.ts';
import { type SavePortStatusDeps, savePortStatus } from './save-port-status.ts';
import type { UpdateOptions } from './update-status.ts';

export interface PerformStepDeps extends SavePortStatusDeps {
  provider: PortProvider;
  events: EventRecorder;
  log: Log;
  observer: Observer;
  announcements: Announcements;
}

/** A step failed for a reason that its object shows; the queue's backoff brings it back. */
class StepFailed extends ToldError {
  override readonly name = 'StepFailed';
}

/**
 * Does one step in the life of a port, with its AWS calls made under `options`, and writes down what became of it. Throws
 * where AWS refuses, once the object says why, and `NotWanted` where the call was given up before it left.
 */
export async function performStep(
  deps: PerformStepDeps,
  port: NLBPort,
  context: PortContext,
  step: Step,
  options: CallOptions,
): Promise<void> {
  const { provider, clock } = deps;
  const save = (mutate: (current: NLBPort) => PortStatus | undefined, options?: UpdateOptions) =>
    savePortStatus(deps, port, mutate, options);
  const ifSameGroup = (current: NLBPort, status: PortStatus | undefined) =>
    isSameTargetGroup(port, current) ? status : undefined;
  const saveOfGroup = (mutate: Parameters<typeof save>[0]) => save(current => ifSameGroup(current, mutate(current)));
  const { targetGroupArn = '', listenerArn = '' } = port.status ?? {};
  const { fingerprints } = context.settings;
  const asked = { port, atMs: clock.nowMs(), forgetAfterMs: forgetAfterMs(context.times) };
  const modify = async (part: 'healthCheck' | 'attributes', change: PortProvider['modifyAttributes']) => {
    await saveOfGroup(({ status }) => doubtSettings(status, part));
    await orFail(deps, port, 'Provisioned', change(resources(port, context), targetGroupArn, options));
    await saveOfGroup(({ status }) => ({ ...status, applied: { ...status?.applied, [part]: fingerprints[part] } }));
  };

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
      const searchAgainAt = afterNow(deps, searchAgainMs);
      await save(current => recordFound(port, current, found, searchAgainAt));
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
      return modify('healthCheck', provider.modifyHealthCheck);
    case 'modifyAttributes':
      return modify('attributes', provider.modifyAttributes);

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
        // The newest status may have forgotten it since: what is marked again then would never be deregistered.
        const isLeaving = (target: Target) =>
          current.status?.targets?.some(other => sameTarget(other, target)) &&
          !current.spec.targets?.some(other => sameTarget(other, target));
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
      await saveOfGroup(({ status = {} }) => {
        // What was forgotten since has drained: a process that is behind does not bring it back.
        const still = step.targets.filter(target => status.targets?.some(other => sameTarget(other, target)));
        return still.length === 0 ? undefined : markTargets(status, still, 'Draining', clock.nowMs());
      });
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
      await save(current => {
        // The write may be asked for again much later, after an edit of the pool.
        const pool = deps.pools.get(current.spec.pool) ?? context.pool;
        const { quarantineMs } = portContext(current, pool, deps.times).times;
        return beginQuarantine(port, current, quarantineMs, clock.nowMs());
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

/** The step's value; or its error written where people look, and thrown for the queue to back off. */
async function orFail<T>(
  deps: PerformStepDeps,
  port: NLBPort,
  conditionType: string,
  step: Promise<Result<T>>,
): Promise<T> {
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
  const written = await savePortStatus(deps, port, current => {
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

async function removeClaim(deps: PerformStepDeps, port: NLBPort): Promise<void> {
  const { claim, pool } = port.spec;
  if (claim?.releasedAt === undefined) return;
  await swap(deps, port, () =>
    deps.client.patch(
      nlbPorts,
      { name: port.metadata.name },
      {
        type: 'json',
        operations: [
          // What was judged is the newest there is: another process may have seen more of the pool, or of the group.
          { op: 'test', path: '/metadata/resourceVersion', value: port.metadata.resourceVersion },
          { op: 'test', path: '/spec/claim/uid', value: claim.uid },
          { op: 'test', path: '/spec/claim/releasedAt', value: claim.releasedAt },
          { op: 'remove', path: '/spec/claim' },
        ],
      },
    ),
  );
  deps.log.info({ port: port.metadata.name, pool, claimant: `${claim.namespace}/${claim.name}` }, 'Port is free again');
}

async function dropFinalizer(deps: PerformStepDeps, port: NLBPort): Promise<void> {
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
async function swap(deps: PerformStepDeps, port: NLBPort, write: () => Promise<NLBPort>): Promise<void> {
  try {
    deps.ports.put(await write());
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isConflict(error) && !isInvalid(error)) throw error;
    const live = await afterLostRace(deps.client, nlbPorts, port, error);
    if (live) deps.ports.put(live);
  }
}

/** Who is in the group of a port that was made again; undefined where there is no group. */
async function lookForTargets(
  { provider }: PerformStepDeps,
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
export function afterNow({ clock }: PerformStepDeps, ms: number): string {
  return preciseTimestamp(clock.nowMs() + ms);
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
