import { findCondition } from '../api/conditions.ts';
import { targetGroupName } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';
import { type NLBPort, sameTarget, type Target } from '../api/port.ts';
import { isWorkedOn, type SetBack } from './audit-repair.ts';
import { healthCheckTimeoutSeconds, type TargetGroupSettings, targetGroupSettings } from './target-group-settings.ts';

/** What was found to differ between AWS and the NLBPorts; a metric's label and an Event's reason. */
export const findingKinds = [
  'ListenerMissing',
  'ListenerChanged',
  'PortTaken',
  'TargetGroupMissing',
  'HealthCheckChanged',
  'AttributesChanged',
  'StrangerRegistered',
  'TargetMissing',
  'Unrecorded',
  'Orphan',
  'LoadBalancerMissing',
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** One difference, and what is to be done about it. */
export interface AuditFinding {
  kind: FindingKind;
  /** Name of the NLBPort that it is about, or that the resource's tags name. */
  port?: string;
  pool?: string;
  /** ARN of the resource in AWS. */
  resource?: string;
  message: string;
  action: AuditAction;
}

export type AuditAction =
  /** Make the port controller look and mend, by setting these parts of the NLBPort's status back. */
  | { do: 'repair'; parts: SetBack[] }
  /** Delete the resource, once it was seen orphaned twice. */
  | { do: 'remove'; what: 'listener' | 'targetGroup' }
  /** Only say so; `because` says why nothing is done. */
  | { do: 'tell'; because: string };

/** Whose a resource is by its tags: names of NLBPort and pool as far as the tags have them. */
export interface SeenOwner {
  port?: string;
  pool?: string;
}

/** A resource's owner: `recorded` where an NLBPort has its ARN (the tags are not read then), undefined where not ours. */
export type Ownership = SeenOwner | 'recorded' | undefined;

export interface SeenTargetGroup {
  arn: string;
  name: string;
  owner: Ownership;
  loadBalancerArns: string[];
  healthCheck: SeenHealthCheck;
}

/** How AWS says that a group checks its targets. */
export interface SeenHealthCheck {
  protocol?: string;
  port?: string;
  path?: string;
  intervalSeconds?: number;
  timeoutSeconds?: number;
  healthyThreshold?: number;
}

export interface SeenListener {
  arn: string;
  loadBalancerArn: string;
  port: number;
  protocol: string;
  /** The one target group that everything goes to; undefined where it is otherwise. */
  forwardsTo: string | undefined;
  owner: Ownership;
}

/** What one listing of AWS showed. A listing that failed is none. */
export interface AwsView {
  /** Those that an NLBPort has on record and those with this cluster's tag. */
  targetGroups: SeenTargetGroup[];
  /** Everyone's, on the load balancers that were listed. */
  listeners: SeenListener[];
  /** ARNs of the load balancers that were listed. */
  loadBalancers: string[];
  /** ARNs of those that do not exist. */
  missing: string[];
}

/** What AWS says of one target group in particular. */
export interface GroupLook {
  /** Undefined where the group is gone. */
  targets: (Target & { state: string })[] | undefined;
  attributes: Record<string, string>;
}

export interface AuditInput {
  clusterId: string;
  /** The NLBPorts as they were before the listing began: what is newer than them may be in AWS by right. */
  ports: readonly NLBPort[];
  pools: readonly NLBPortPool[];
  view: AwsView;
  /** NLBPorts that live pods say they hold: what serves them is never removed. */
  heldByPods: ReadonlySet<string>;
  /** Set where no NLBPort exists and AWS holds resources of this cluster: then nothing is done but to tell. */
  restored: boolean;
}

/** Compares a listing with the NLBPorts, both ways. What only a look into a target group shows is `compareGroup`'s. */
export function compareListing(input: AuditInput): AuditFinding[] {
  const { ports, pools, view } = input;
  const byPool = new Map(pools.map(pool => [pool.metadata.name, pool]));
  const index = indexed(view);
  return [
    ...view.missing.map((arn): AuditFinding => {
      const pool = pools.find(({ status }) => status?.loadBalancers?.some(known => known.arn === arn));
      const message = `Load balancer ${arn} does not exist`;
      const because = 'the pool says so, and nothing on it can be mended';
      return { kind: 'LoadBalancerMissing', ...named(pool), resource: arn, message, action: { do: 'tell', because } };
    }),
    ...ports.flatMap(port => {
      const pool = byPool.get(port.spec.pool);
      return pool && isWanted(port) && isAtRest(port) ? comparePort(port, settingsFor(port, pool), index) : [];
    }),
    ...compareOwned(input, byPool),
  ];
}

/** Compares what is in a port's target group with what is to be there. */
export function compareGroup(port: NLBPort, pool: NLBPortPool, look: GroupLook): AuditFinding[] {
  const { targetGroupArn = '', targets: known = [], applied } = port.status ?? {};
  const about = { ...aboutPort(port), resource: targetGroupArn };
  if (look.targets === undefined) return [groupMissing(port)];
  const findings: AuditFinding[] = [];
  const registered = look.targets.filter(({ state }) => !state.endsWith('draining'));
  const wanted = port.spec.targets ?? [];
  const strangers = registered.filter(target => ![...wanted, ...known].some(other => sameTarget(other, target)));
  if (strangers.length > 0) {
    const message = `Target group of ${port.metadata.name} has targets that nobody asked for: ${describe(strangers)}`;
    findings.push({ kind: 'StrangerRegistered', ...about, message, action: repair('targets') });
  }
  const missing = known.filter(
    entry =>
      entry.state === 'Registered' &&
      wanted.some(target => sameTarget(target, entry)) &&
      !registered.some(target => sameTarget(target, entry)),
  );
  if (missing.length > 0) {
    const message = `Target group of ${port.metadata.name} lacks ${describe(missing)}`;
    findings.push({ kind: 'TargetMissing', ...about, message, action: repair('targets') });
  }
  const settings = settingsFor(port, pool);
  const altered = Object.entries(settings.attributes).filter(([key, value]) => look.attributes[key] !== value);
  // Otherwise an edit of the pool is on its way.
  if (altered.length > 0 && applied?.attributes === settings.fingerprints.attributes) {
    const what = altered.map(([key, value]) => `${key} is ${look.attributes[key] ?? 'absent'}, ${value} wanted`);
    const message = `Target group of ${port.metadata.name} was changed: ${what.join('; ')}`;
    findings.push({ kind: 'AttributesChanged', ...about, message, action: repair('attributes') });
  }
  return findings;
}

/** Ports whose target groups are worth a look: those that are to be in place, and that nobody works on. */
export function canBeLookedInto(port: NLBPort): boolean {
  return (
    isWanted(port) && !isWorkedOn(port) && port.status?.targetGroupArn !== undefined && port.status.inspected === true
  );
}

/** Why the pools do not say for sure which load balancers are theirs; undefined where they do. */
export function whyPoolsAreUnsure(pools: readonly NLBPortPool[]): string | undefined {
  const unsure = pools.find(({ metadata, status }) => {
    const ready = findCondition(status?.conditions, 'Ready');
    const isKnown = ready?.reason === 'Ready' || ready?.reason === 'PoolOverlap' || ready?.reason === 'Deleting';
    return status?.observedGeneration !== metadata.generation || !isKnown;
  });
  return unsure && `pool ${unsure.metadata.name} does not have all of its load balancers`;
}

/** A view by what it is asked for: there may be thousands of each. */
interface IndexedView {
  loadBalancers: ReadonlySet<string>;
  listeners: ReadonlyMap<string, SeenListener>;
  byPlace: ReadonlyMap<string, SeenListener>;
  targetGroups: ReadonlyMap<string, SeenTargetGroup>;
}

function indexed({ loadBalancers, listeners, targetGroups }: AwsView): IndexedView {
  return {
    loadBalancers: new Set(loadBalancers),
    listeners: new Map(listeners.map(listener => [listener.arn, listener])),
    byPlace: new Map(listeners.map(listener => [placeOf(listener.loadBalancerArn, listener.port), listener])),
    targetGroups: new Map(targetGroups.map(group => [group.arn, group])),
  };
}

function placeOf(loadBalancerArn: string, port: number): string {
  return `${loadBalancerArn} ${port}`;
}

function comparePort(port: NLBPort, settings: TargetGroupSettings, view: IndexedView): AuditFinding[] {
  const { listenerArn, targetGroupArn, applied } = port.status ?? {};
  const { loadBalancer, protocol, port: number } = port.spec;
  const { name } = port.metadata;
  const findings: AuditFinding[] = [];
  if (listenerArn !== undefined && view.loadBalancers.has(loadBalancer.arn)) {
    const about = { ...aboutPort(port), resource: listenerArn };
    const action = repair('listener');
    const listener = view.listeners.get(listenerArn);
    const inPlace = view.byPlace.get(placeOf(loadBalancer.arn, number));
    if (!listener && inPlace && !isOwnedBy(inPlace.owner, name)) {
      const message = `Port ${number} has ${inPlace.arn} of someone else, where ${listenerArn} was`;
      findings.push({ kind: 'PortTaken', ...about, message, action });
    } else if (!listener) {
      findings.push({ kind: 'ListenerMissing', ...about, message: `Listener ${listenerArn} is gone`, action });
    } else if (listener.forwardsTo !== targetGroupArn || listener.protocol !== protocol) {
      const is = `${listener.protocol} to ${listener.forwardsTo ?? 'something else than one target group'}`;
      const message = `Listener ${listenerArn} was changed: it is ${is}; ${protocol} to ${targetGroupArn} wanted`;
      findings.push({ kind: 'ListenerChanged', ...about, message, action });
    }
  }
  const group = view.targetGroups.get(targetGroupArn ?? '');
  if (targetGroupArn !== undefined && !group) findings.push(groupMissing(port));
  if (group && applied?.healthCheck === settings.fingerprints.healthCheck) {
    const changes = healthCheckChanges(group.healthCheck, settings);
    const about = { ...aboutPort(port), resource: group.arn };
    const message = `Target group of ${name} was changed: ${changes.join('; ')}`;
    const action = repair('healthCheck');
    if (changes.length > 0) findings.push({ kind: 'HealthCheckChanged', ...about, message, action });
  }
  return findings;
}

/** What carries our tag and stands on no NLBPort. */
function compareOwned(input: AuditInput, byPool: ReadonlyMap<string, NLBPortPool>): AuditFinding[] {
  const { ports, view, clusterId } = input;
  const byName = new Map(ports.map(port => [port.metadata.name, port]));
  const findings: AuditFinding[] = [];

  function compare(
    resource: SeenListener | SeenTargetGroup,
    what: 'listener' | 'targetGroup',
    isItsPlace: (port: NLBPort) => boolean,
  ) {
    const { arn, owner } = resource;
    if (owner === undefined || owner === 'recorded') return;
    const about = { ...(owner.port === undefined ? {} : { port: owner.port }), ...named(byPool.get(owner.pool ?? '')) };
    const port = owner.port === undefined ? undefined : byName.get(owner.port);
    const thing = what === 'listener' ? 'Listener' : 'Target group';
    if (port && isItsPlace(port)) {
      const recorded = what === 'listener' ? port.status?.listenerArn : port.status?.targetGroupArn;
      // What is on record and gone is a finding of its own, and its repair finds this one.
      if (!isAtRest(port) || recorded !== undefined) return;
      const message = `${thing} ${arn} is there, and ${port.metadata.name} does not know of it`;
      findings.push({
        kind: 'Unrecorded',
        ...about,
        ...aboutPort(port),
        resource: arn,
        message,
        action: repair('resources'),
      });
      return;
    }
    const because = whyKept(input, byPool, resource, owner, port);
    const message = `${thing} ${arn} has this cluster's tags, and ${port ? `is not where ${owner.port} has its own` : `no NLBPort ${owner.port ?? ''} exists`}`;
    const action = because === undefined ? { do: 'remove' as const, what } : { do: 'tell' as const, because };
    findings.push({ kind: 'Orphan', ...about, resource: arn, message, action });
  }

  for (const listener of view.listeners) {
    const isItsPlace = ({ spec }: NLBPort) =>
      spec.loadBalancer.arn === listener.loadBalancerArn && spec.port === listener.port;
    compare(listener, 'listener', isItsPlace);
  }
  for (const group of view.targetGroups) {
    const isItsPlace = ({ spec }: NLBPort) =>
      group.name === targetGroupName(clusterId, spec.loadBalancer.arn, spec.port);
    compare(group, 'targetGroup', isItsPlace);
  }
  return findings;
}

/** Why an orphan is not to be deleted; undefined where nothing speaks for keeping it. */
function whyKept(
  input: AuditInput,
  byPool: ReadonlyMap<string, NLBPortPool>,
  resource: SeenListener | SeenTargetGroup,
  owner: SeenOwner,
  port: NLBPort | undefined,
): string | undefined {
  const { view, pools, heldByPods } = input;
  if (input.restored) return 'no NLBPort exists: the cluster may have been restored';
  if (owner.port === undefined) return 'its tags name no NLBPort';
  if (port) return 'its tags name an NLBPort that exists: someone else made it';
  if (heldByPods.has(owner.port)) return 'a live pod says that it holds this port';
  if (owner.pool !== undefined && !byPool.has(owner.pool)) return `pool ${owner.pool} does not exist`;
  if (view.missing.length > 0) return `load balancer ${view.missing[0]} does not exist: the view is not complete`;
  const unsure = whyPoolsAreUnsure(pools);
  if (unsure !== undefined) return `${unsure}: the view is not complete`;
  const unseen =
    'loadBalancerArns' in resource && resource.loadBalancerArns.find(arn => !view.loadBalancers.includes(arn));
  return unseen ? `it serves load balancer ${unseen}, which is in no pool` : undefined;
}

function healthCheckChanges(seen: SeenHealthCheck, { healthCheck: wanted }: TargetGroupSettings): string[] {
  const pairs: [string, string | number | undefined, string | number | undefined][] = [
    ['protocol', seen.protocol, wanted.protocol],
    ['port', seen.port, wanted.port],
    ['path', wanted.path === undefined ? undefined : seen.path, wanted.path],
    ['interval', seen.intervalSeconds, wanted.intervalSeconds],
    ['timeout', seen.timeoutSeconds, healthCheckTimeoutSeconds(wanted)],
    ['healthy threshold', seen.healthyThreshold, wanted.healthyThreshold],
  ];
  return pairs
    .filter(([, is, wants]) => is !== wants)
    .map(([name, is, wants]) => `health check ${name} is ${is ?? 'absent'}, ${wants} wanted`);
}

function groupMissing(port: NLBPort): AuditFinding {
  const { targetGroupArn = '' } = port.status ?? {};
  const message = `Target group ${targetGroupArn} is gone`;
  const action = repair('listener', 'targets');
  return { kind: 'TargetGroupMissing', ...aboutPort(port), resource: targetGroupArn, message, action };
}

/** Whether listener and target group are to be there. */
function isWanted({ spec, metadata }: NLBPort): boolean {
  // One that somebody deleted serves its claimant to the end.
  return spec.claim !== undefined || (metadata.deletionTimestamp === undefined && spec.warm && !spec.retire);
}

/** Whether nothing is being made or deleted for the port. */
function isAtRest({ status }: NLBPort): boolean {
  return status?.creating === undefined && !status?.removing;
}

function isOwnedBy(owner: Ownership, name: string): boolean {
  return typeof owner === 'object' && owner.port === name;
}

function settingsFor(port: NLBPort, pool: NLBPortPool): TargetGroupSettings {
  return targetGroupSettings({ ...pool.spec, protocol: port.spec.protocol });
}

function aboutPort({ metadata, spec }: NLBPort) {
  return { port: metadata.name, pool: spec.pool };
}

function named(pool: NLBPortPool | undefined) {
  return pool ? { pool: pool.metadata.name } : {};
}

function repair(...parts: SetBack[]): AuditAction {
  return { do: 'repair', parts };
}

function describe(targets: readonly Target[]): string {
  return targets.map(({ ip, port }) => `${ip}:${port}`).join(', ');
}
