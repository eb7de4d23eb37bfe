/** One text of a source file in place of another. */
export interface Edit {
  /** Below `src`. */
  file: string;
  /** It must be there exactly once. */
  find: string;
  replace: string;
}

/** A mistake that somebody could make, as edits of the sources. The simulation must find it. */
export interface PlantedBug {
  name: string;
  /** What was forgotten, in words. */
  what: string;
  edits: readonly Edit[];
}

/** The second line of defence: a process writes down once more what it has not announced itself. */
const announcedByAnybody = {
  file: 'controllers/ports.ts',
  find: 'const step = deps.announcements.before(port, next);',
  replace: 'const step = next;',
};

/** The bugs that the simulation is tested with: one per invariant, and one per write that can be lost. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'claim-without-swap',
    what: 'a port is claimed without its resourceVersion; the rules of the CRD that are the second lock are off as well',
    edits: [
      {
        file: 'controllers/claim-port.ts',
        find: 'body: { metadata: { resourceVersion: port.metadata.resourceVersion }, spec: { claim } }',
        replace: 'body: { spec: { claim } }',
      },
      {
        file: 'api/port.ts',
        find: '|| (self.claim.kind == oldSelf.claim.kind',
        replace: '|| true || (self.claim.kind == oldSelf.claim.kind',
      },
      {
        file: 'api/port.ts',
        find: '!has(oldSelf.claim) || self.claim.uid == oldSelf.claim.uid\n',
        replace: '!has(oldSelf.claim) || true || self.claim.uid == oldSelf.claim.uid\n',
      },
      {
        file: 'api/port.ts',
        find: '|| !oldSelf.claim.exposed || self.claim.exposed',
        replace: '|| !oldSelf.claim.exposed || true || self.claim.exposed',
      },
    ],
  },
  {
    name: 'release-before-deregister',
    what: 'a released claim is removed though AWS still has its targets',
    edits: [
      {
        file: 'core/lifecycle.ts',
        find: 'if (dead.length > 0 && !isKept) return',
        replace: 'if (dead.length > 0 && !isKept && claim?.releasedAt === undefined) return',
      },
      {
        file: 'core/lifecycle.ts',
        find: '  const { spec, status } = input.port;\n  if (known.length > 0) {',
        replace: '  const { spec, status } = input.port;\n  if (known.length > 99) {',
      },
      {
        file: 'core/quarantine.ts',
        find: 'reuseOf !== asked.spec.claim?.releasedAt || (status.targets ?? []).length > 0) {',
        replace: 'reuseOf !== asked.spec.claim?.releasedAt) {',
      },
    ],
  },
  {
    name: 'quarantine-skipped',
    what: 'a port is free as soon as AWS has let go of its last target',
    edits: [
      {
        file: 'controllers/port-context.ts',
        find: 'quarantineMs: claim?.exposed ? quarantineMs : 0,',
        replace: 'quarantineMs: 0,',
      },
    ],
  },
  {
    name: 'register-before-claim-is-committed',
    what: 'a port is exposed, registered and published without the commit on the pod',
    edits: [
      {
        file: 'controllers/pods.ts',
        find: 'const set = committedSet(mine, committed, portNames(wish));',
        replace: 'const set = committedSet(mine, committed, portNames(wish)) ?? mine.slice(0, 1);',
      },
    ],
  },
  {
    name: 'uid-forgotten',
    what: 'a pod that was made again under the same name is taken for the one before it',
    edits: [
      {
        file: 'controllers/claims.ts',
        find: 'claim.releasedAt === undefined && claim.uid === uid;',
        replace: 'claim.releasedAt === undefined && (claim.uid === uid || uid !== undefined);',
      },
    ],
  },
  {
    name: 'time-out-taken-for-failure',
    what: 'a registration without an answer is taken for one that was not carried out; nor is it repeated at once',
    edits: [
      {
        file: 'aws/create-elbv2-api.ts',
        find: 'if (failures >= retryRules.attempts) throw error;',
        replace: 'if (failures >= 1) throw error;',
      },
      {
        file: 'controllers/perform-step.ts',
        find: 'const failed = withFailure(status ?? {}, conditionType,',
        replace:
          "const undone = { ...status, targets: (status?.targets ?? []).filter(({ state }) => state !== 'Registering') };\n" +
          '    const failed = withFailure(undone, conditionType,',
      },
    ],
  },
  {
    name: 'registration-not-announced',
    what: 'targets are registered before the object says so',
    edits: [
      {
        file: 'core/lifecycle.ts',
        find: "return { do: 'announceTargets', targets: unannounced.map(bare) };",
        replace: "return { do: 'registerTargets', targets: unannounced.map(bare) };",
      },
      announcedByAnybody,
    ],
  },
  {
    name: 'creation-not-announced',
    what: 'target group and listener are made before the object says that they may be there',
    edits: [
      {
        file: 'core/lifecycle.ts',
        find: "if (!complete && status.creating === undefined) return { do: 'announceResources' };",
        replace: 'if (complete === undefined) return rest(0);',
      },
      announcedByAnybody,
    ],
  },
  {
    name: 'removal-not-announced',
    what: 'a listener is deleted before the object says that nobody may count on it',
    edits: [
      {
        file: 'core/lifecycle.ts',
        find: "return { do: port.status.removing ? 'deleteListener' : 'announceRemoval' };",
        replace: "return { do: 'deleteListener' };",
      },
    ],
  },
  {
    name: 'release-without-uid',
    what: 'a claim is released whoever has the port by now: the same release twice hits the next claimant',
    edits: [
      {
        file: 'controllers/claim-port.ts',
        find: "const test: JsonPatchOperation = { op: 'test', path: '/spec/claim/uid', value: claim.uid };",
        replace: "const test: JsonPatchOperation = { op: 'test', path: '/spec/port', value: port.spec.port };",
      },
      {
        file: 'controllers/claim-port.ts',
        find:
          'served since must not be undone.\n' +
          "        { op: 'test', path: '/spec/targets', value: port.spec.targets ?? null },",
        replace: 'served since must not be undone.',
      },
    ],
  },
  {
    name: 'annotation-before-bind',
    what: 'the endpoint is published when a port was chosen, before it is bound',
    edits: [
      {
        file: 'controllers/pods.ts',
        find: 'const found = await seekPorts(deps, deps.claimants, pod, mine, poolName, wish);',
        replace:
          "const given = deps.assigner.get('Pod', key, pod.metadata.uid ?? '');\n" +
          "  const soon = given?.kind === 'ports' && deps.ports.get(given.names[0] ?? '')?.status?.endpoint;\n" +
          "  if (soon) await deps.claimants.write(pod, { ...plainReport('Bound', 'soon'), annotations: { 'nlbports.dev/endpoint': soon } });\n" +
          '  const found = await seekPorts(deps, deps.claimants, pod, mine, poolName, wish);',
      },
    ],
  },
  {
    name: 'health-before-registration',
    what: 'a pod is called ready when its port has a target group, whatever is registered in it',
    edits: [
      {
        file: 'core/readiness.ts',
        find: 'return status?.readyAfter !== undefined && Date.parse(status.readyAfter) <= nowMs && areRegistered(port, status);',
        replace: 'return status?.targetGroupArn !== undefined && nowMs > 0 && (port.spec.targets ?? []).length > 0;',
      },
    ],
  },
  {
    name: 'absence-taken-for-death',
    what: 'a pod that the cache does not show is taken for gone, without asking',
    edits: [
      {
        file: 'controllers/former-claims.ts',
        find: 'const live = await claimants.get(key);',
        replace: 'const live = undefined as T | undefined;',
      },
    ],
  },
  {
    name: 'failed-listing-taken-for-empty',
    what: 'a listing of load balancers that failed counts as one that found none',
    edits: [
      {
        file: 'controllers/pool-listings.ts',
        find: 'if (!found.ok) return { failed: found.error };',
        replace: 'if (!found.ok) return { loadBalancers: [], listeners: new Map(), problems: [] };',
      },
    ],
  },
  {
    name: 'owner-not-asked',
    what: 'a listener that is there already is taken over without looking whose it is',
    edits: [
      {
        file: 'aws/port-provider.ts',
        find: "if (tagged.owner !== resources.portName) {\n      throw new Refusal(\n        'ListenerConflict',",
        replace: "if (tagged.owner === '') {\n      throw new Refusal(\n        'ListenerConflict',",
      },
    ],
  },
  {
    name: 'budget-ignored',
    what: 'calls leave without waiting for the budget',
    edits: [
      {
        file: 'aws/create-elbv2-api.ts',
        find: 'const budgetWaitMs = await place.take().catch((): never => {\n        throw new NotWanted(action);\n      });',
        replace: 'const budgetWaitMs = 0;',
      },
    ],
  },
  {
    name: 'failure-not-retried',
    what: 'a turn of a loop that failed is not brought back',
    edits: [
      {
        file: 'kube/work-queue.ts',
        find: 'waitMs = Math.max(backoffMs(random, backoffBaseMs, backoffMaxMs, failed), retryAfterOf(error));',
        replace:
          'if (failed < 0) waitMs = Math.max(backoffMs(random, backoffBaseMs, backoffMaxMs, failed), retryAfterOf(error));',
      },
    ],
  },
  {
    name: 'commit-without-swap',
    what: 'the pod is written without the resourceVersion that showed no other commit',
    edits: [
      {
        file: 'controllers/claim-report.ts',
        find: 'metadata: { uid, resourceVersion, annotations },',
        replace: 'metadata: { uid, ...(resourceVersion ? {} : {}), annotations },',
      },
    ],
  },
  {
    name: 'old-answer-believed',
    what: 'a registered target that an answer of AWS does not show is forgotten, though the answer may be older',
    edits: [
      {
        file: 'controllers/port-status.ts',
        find: "return isWanted ? [{ ...entry, state: 'Registering', since }] : [entry];",
        replace: 'return [];',
      },
    ],
  },
  {
    name: 'finalizer-before-teardown',
    what: 'an object is let go of before what it has in AWS is gone',
    edits: [
      {
        file: 'core/lifecycle.ts',
        find: 'known: KnownTarget[], input: LifecycleInput): Step {\n',
        replace: 'known: KnownTarget[], input: LifecycleInput): Step {\n  if (terminating) return letGo(port);\n',
      },
    ],
  },
  {
    name: 'orphans-of-a-partial-listing',
    what: 'the audit removes what the first of the NLBPorts does not have, without asking for the one that its tags name',
    edits: [
      {
        file: 'controllers/audit.ts',
        find: 'const objects = { ports: deps.ports.list(),',
        replace: 'const objects = { ports: deps.ports.list().slice(0, 1),',
      },
      {
        file: 'controllers/audit.ts',
        find: "stillWanted: () => deps.isLeader() && deps.ports.get(finding.port ?? '') === undefined,",
        replace: 'stillWanted: deps.isLeader,',
      },
      {
        file: 'controllers/remove-orphan.ts',
        find: 'return { ok: true, value: `it is kept:',
        replace: "if (resource === '') return { ok: true, value: `it is kept:",
      },
    ],
  },
  {
    name: 'waiting-claims-forgotten',
    what: 'nobody looks at the claims that wait when a port is free again',
    edits: [
      {
        file: 'controllers/pods.ts',
        find: "if (!object?.spec.claim || isLetGo) deps.requestPass(object?.spec.pool ?? previous?.spec.pool ?? '');",
        replace: '',
      },
      {
        file: 'controllers/pods.ts',
        find: '    deps.requestPass(key);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'spare-port-kept',
    what: 'a port that was bound beside the one of the commit is not given back; nor do two leaders choose the same one',
    edits: [
      {
        file: 'controllers/pods.ts',
        find: 'const spare = mine.filter(port => !set.includes(port));',
        replace: 'const spare: NLBPort[] = [];',
      },
      {
        file: 'controllers/services.ts',
        find: 'const spare = mine.filter(port => !committed.includes(port));',
        replace: 'const spare: NLBPort[] = [];',
      },
      {
        file: 'controllers/assign-ports.ts',
        find: '      const elder = elderOf(poolName);\n',
        replace:
          '      if (clock.nowMs() % 2 < 1) free = new Map([...free].map(([arn, ports]) => [arn, ports.toReversed()]));\n' +
          '      const elder = elderOf(poolName);\n',
      },
    ],
  },
  {
    name: 'half-a-set-committed',
    what: 'a pod that asks for several ports commits to those that it has so far',
    edits: [
      {
        file: 'controllers/pods.ts',
        find: 'const set = wish.ok ? findSet(mine, portNames(wish) ?? []) : undefined;',
        replace: 'const set = wish.ok ? (findSet(mine, portNames(wish) ?? []) ?? mine) : undefined;',
      },
    ],
  },
  {
    name: 'retention-forgotten',
    what: 'a port is not kept for the namesake of its claimant',
    edits: [
      {
        file: 'core/retention.ts',
        find: 'if (claim.goneAt !== undefined) return Date.parse(claim.goneAt) + retainMs;',
        replace: 'if (claim.goneAt !== undefined) return releasedMs;',
      },
    ],
  },
];

/** The bug of this name; throws where there is none. */
export function findBug(name: string): PlantedBug {
  const found = plantedBugs.find(bug => bug.name === name);
  if (found) return found;
  throw new RangeError(`Cannot plant "${name}": known are ${plantedBugs.map(bug => bug.name).join(', ')}`);
}
