import { preciseTimestamp } from '../api/conditions.ts';
import { type NLBPort, nlbPorts, type PortClaim, sameTarget, type Target } from '../api/port.ts';
import { foundBehind } from '../core/adoption.ts';
import { isFree } from '../core/allocate.ts';
import { isClaimOf } from '../core/retention.ts';
import { afterLostRace } from '../kube/after-lost-race.ts';
import type { JsonPatchOperation, KubeClient, Patch } from '../kube/client.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isInvalid, isNotFound, isOutcomeUnknown } from '../kube/kube-error.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { isHeldBy } from './claims.ts';

/** Who claims ports: an object that asks by label. */
export interface Claimant {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
}

export interface ClaimPortDeps {
  client: KubeClient;
  ports: Informer<NLBPort>;
  clock: Clock;
  log: Log;
}

/**
 * Binds one port for each wish: `names` are those of the NLBPorts, in the order of the wishes. What the claimant holds
 * already is left as it is. The binding goes in name order, so that two processes that give away the same ports do not
 * each get half of them. Undefined: another was faster; what was bound until then stays bound, uncommitted, for the next
 * choice to begin with.
 */
export async function bindSet(
  deps: ClaimPortDeps,
  claimant: Claimant,
  wishes: readonly { name: string }[],
  names: readonly string[],
): Promise<NLBPort[] | undefined> {
  const wanted = wishes.map(({ name }, at) => ({ portName: name, name: names[at] ?? '' }));
  const bound: NLBPort[] = [];
  for (const { name, portName } of wanted.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const held = deps.ports.get(name);
    const isMine = held && isHeldBy(held, claimant.uid) && held.spec.claim?.portName === portName;
    const port = isMine ? held : await bindPort(deps, claimant, portName, name);
    if (!port) return undefined;
    bound.push(port);
  }
  return bound;
}

/**
 * Binds a free port by compare-and-swap, or takes one over that this claimant's namesake has released. Undefined: another
 * was faster; the cache knows by now.
 */
export async function bindPort(
  deps: ClaimPortDeps,
  claimant: Claimant,
  portName: string,
  nlbPortName: string,
): Promise<NLBPort | undefined> {
  const port = deps.ports.get(nlbPortName);
  if (!port) return undefined;
  const patch = isClaimOf(port, claimant, portName) ? takeOver(port, claimant) : bind(port, claimant, portName);
  const written = patch && (await swapPort(deps, port, patch));
  return written && isHeldBy(written, claimant.uid) ? written : undefined;
}

function bind(port: NLBPort, { kind, namespace, name, uid }: Claimant, portName: string): Patch | undefined {
  // Since it was chosen it may have been taken, deleted, or met someone else.
  if (!isFree(port) && foundBehind(port).length === 0) return undefined;
  const claim: PortClaim = { kind, namespace, name, uid, portName, exposed: false };
  return { type: 'merge', body: { metadata: { resourceVersion: port.metadata.resourceVersion }, spec: { claim } } };
}

/** The claim passes on as exposed: traffic still flows to the port, so that giving it up again is a release. */
function takeOver({ spec: { claim } }: NLBPort, { kind, namespace, name, uid }: Claimant): Patch {
  const { portName = '', exposed = true, releasedAt } = claim ?? {};
  const next: PortClaim = { kind, namespace, name, uid, portName, exposed };
  return {
    type: 'json',
    operations: [
      { op: 'test', path: '/spec/claim/uid', value: claim?.uid },
      { op: 'test', path: '/spec/claim/releasedAt', value: releasedAt },
      { op: 'replace', path: '/spec/claim', value: next },
    ],
  };
}

/**
 * Exposes a committed port and keeps its targets true. Undefined: the claimant holds it no longer, so that the commit is
 * void, or the cache was behind.
 */
export async function exposePort(
  deps: ClaimPortDeps,
  uid: string,
  port: NLBPort,
  wanted: readonly Target[],
): Promise<NLBPort | undefined> {
  const { claim, targets = [] } = port.spec;
  if (claim?.exposed && sameTargets(targets, wanted)) return port;
  const operations: JsonPatchOperation[] = [
    { op: 'test', path: '/spec/claim/uid', value: uid },
    { op: 'test', path: '/spec/claim/releasedAt', value: null },
    // One that arrives late must not undo what was written since.
    { op: 'test', path: '/spec/targets', value: port.spec.targets ?? null },
    { op: 'add', path: '/spec/claim/exposed', value: true },
    { op: 'add', path: '/spec/targets', value: wanted },
  ];
  const written = await swapPort(deps, port, { type: 'json', operations });
  if (!written || !isHeldBy(written, uid) || !written.spec.claim?.exposed) return undefined;
  // What came back may be the live object after a write that never arrived.
  return sameTargets(written.spec.targets ?? [], wanted) ? written : undefined;
}

/**
 * Whether the live object says, too, that the claimant holds the port, and how it stands in AWS: asked before an endpoint is
 * published or a claimant called ready, as another process may have released the port, or found its listener or its target
 * gone, since the cache was told.
 */
export async function confirmHeld(deps: ClaimPortDeps, uid: string, port: NLBPort): Promise<boolean> {
  const operations: JsonPatchOperation[] = [
    { op: 'test', path: '/spec/claim/uid', value: uid },
    { op: 'test', path: '/spec/claim/releasedAt', value: null },
    { op: 'add', path: '/spec/claim/exposed', value: true },
  ];
  const written = await swapPort(deps, port, { type: 'json', operations });
  const isHeld = written !== undefined && isHeldBy(written, uid) && written.spec.claim?.exposed === true;
  return isHeld && JSON.stringify(written.status) === JSON.stringify(port.status);
}

/** Gives ports up; false where the live object says that one is still held. `isGone`: see `releasePort`. */
export async function releasePorts(
  deps: ClaimPortDeps,
  ports: readonly NLBPort[],
  isGone: (port: NLBPort) => boolean,
): Promise<boolean> {
  let isDone = true;
  for (const port of ports) isDone = (await releasePort(deps, port, isGone(port))) && isDone;
  return isDone;
}

/**
 * Gives a port up: a claim that was never exposed goes at once, another one begins its way through the quarantine. False
 * where the live object says that it is still held: a write got lost, or the claim was exposed meanwhile. `isGone`: the
 * claimant is gone by a live read, or asks no longer, so that the pool's retention counts from now; where it is false,
 * `markGone` has to follow.
 */
export async function releasePort(deps: ClaimPortDeps, port: NLBPort, isGone: boolean): Promise<boolean> {
  const { claim } = port.spec;
  if (!claim) return true;
  const now = preciseTimestamp(deps.clock.nowMs());
  const test: JsonPatchOperation = { op: 'test', path: '/spec/claim/uid', value: claim.uid };
  const operations: JsonPatchOperation[] = claim.exposed
    ? [
        test,
        { op: 'test', path: '/spec/claim/releasedAt', value: null },
        // A namesake's takeover is exposed from the start: what was committed and served since must not be undone.
        { op: 'test', path: '/spec/targets', value: port.spec.targets ?? null },
        { op: 'add', path: '/spec/claim/releasedAt', value: now },
        ...(isGone ? [{ op: 'add' as const, path: '/spec/claim/goneAt', value: now }] : []),
        { op: 'add', path: '/spec/targets', value: [] },
      ]
    : [test, { op: 'test', path: '/spec/claim/exposed', value: false }, { op: 'remove', path: '/spec/claim' }];
  const left = await swapPort(deps, port, { type: 'json', operations });
  if (left && isHeldBy(left, claim.uid)) return false;
  const { pool, loadBalancer } = port.spec;
  deps.log.info(
    {
      [claim.kind.toLowerCase()]: `${claim.namespace}/${claim.name}`,
      port: port.metadata.name,
      pool,
      loadBalancer: loadBalancer.arn,
    },
    'Port released',
  );
  return true;
}

/** Writes on a released claim that its claimant is gone by a live read, or asks no longer: once, and from now on. */
export async function markGone(deps: ClaimPortDeps, port: NLBPort): Promise<void> {
  const { claim } = port.spec;
  if (claim?.releasedAt === undefined || claim.goneAt !== undefined) return;
  await swapPort(deps, port, {
    type: 'json',
    operations: [
      { op: 'test', path: '/spec/claim/uid', value: claim.uid },
      { op: 'test', path: '/spec/claim/releasedAt', value: claim.releasedAt },
      { op: 'test', path: '/spec/claim/goneAt', value: null },
      { op: 'add', path: '/spec/claim/goneAt', value: preciseTimestamp(deps.clock.nowMs()) },
    ],
  });
}

/**
 * Patches an NLBPort and resolves to the object as it then is, in the cache too; after a lost race or without an answer
 * that is the live one, whoever has won. Undefined: it is gone. Throws where the write was refused though nobody has won.
 */
export async function swapPort(deps: ClaimPortDeps, port: NLBPort, patch: Patch): Promise<NLBPort | undefined> {
  const key = { name: port.metadata.name };
  try {
    const written = await deps.client.patch(nlbPorts, key, patch);
    deps.ports.put(written);
    return written;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (!isConflict(error) && !isInvalid(error) && !isOutcomeUnknown(error)) throw error;
    const live = await afterLostRace(deps.client, nlbPorts, port, error);
    if (live) deps.ports.put(live);
    return live;
  }
}

/**
 * Where a commit names ports that the cache does not show as the claimant's: the live ones decide. True where one of them
 * is the claimant's after all; the cache shows it by then.
 */
export async function holdsAnyOf(
  deps: ClaimPortDeps,
  uid: string | undefined,
  names: readonly string[],
): Promise<boolean> {
  for (const name of names) {
    const live = await readPort(deps, name);
    if (live && isHeldBy(live, uid)) return true;
  }
  return false;
}

/** Whether both lists hold the same targets in the same order. */
export function sameTargets(some: readonly Target[], others: readonly Target[]): boolean {
  return some.length === others.length && some.every((target, at) => sameTarget(target, others[at]!));
}

async function readPort(deps: ClaimPortDeps, name: string): Promise<NLBPort | undefined> {
  const live = await getIfThere(deps.client, nlbPorts, { name });
  if (live) deps.ports.put(live);
  return live;
}
