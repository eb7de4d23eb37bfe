import { codedError } from '../api/errors.ts';
import { poolLabel } from '../api/names.ts';
import type { NLBPort } from '../api/port.ts';
import { gameServerOf, type Mirrored, mirrorOf, mirrorPatch, nothingMirrored } from '../core/game-server.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { Informer } from '../kube/informer.ts';
import { isConflict, isForbidden, isNotFound, isNotServed } from '../kube/kube-error.ts';
import { keyOf, type Pod, parseKey } from '../kube/objects.ts';
import { gameServers, pods as podResource } from '../kube/resource.ts';
import { MIN_REQUEUE_MS, type ReconcileResult, type WorkQueue } from '../kube/work-queue.ts';
import type { Log } from '../runtime/log.ts';
import { claimantKey } from './claims.ts';

export interface GameServersDeps {
  client: KubeClient;
  pods: Informer<Pod>;
  ports: Informer<NLBPort>;
  events: EventRecorder;
  log: Log;
  isLeader: () => boolean;
}

/** What stands in the way may be mended by hand at any time; nobody tells of it. */
const retryMs = 60_000;

/** What a GameServer was last made to say, by the key of its pod. */
interface Said {
  name: string;
  uid: string;
  mirrored: string;
}

/**
 * Mirrors the endpoint of an Agones GameServer's pod onto the GameServer, as those who allocate one read that and not the
 * pod. Runs only where the option `agones` is on.
 *
 * Trigger: a labelled pod that a GameServer controls. Reads: pods; the live GameServer, and the live pod where the cache has
 * none. Writes: the annotations `nlbports.dev/endpoint` and `nlbports.dev/endpoints` of the GameServer, and no other. Requeue:
 * at once when the GameServer changed meanwhile; after a minute where Agones is not installed or access was refused. Failure:
 * the queue backs off; the pod keeps its port and its endpoint.
 */
export function gameServerReconciler(deps: GameServersDeps): (podKey: string) => Promise<ReconcileResult> {
  const said = new Map<string, Said>();
  const complaints = new Map<string, string>();

  return async key => {
    if (!deps.isLeader()) return {};
    const pod = deps.pods.get(key);
    const owner = pod && gameServerOf(pod);
    if (pod && !owner) return {};
    if (!pod && (await isServed(deps, key))) return {};
    const before = said.get(key);
    const wanted = pod ? mirrorOf(pod) : nothingMirrored;
    const mirrored = JSON.stringify(wanted);
    if (owner && before?.uid === owner.uid && before.mirrored === mirrored) return {};

    // After a restart only the name is left of a pod that is gone: its GameServer has the same.
    const { namespace = '', name: podName } = parseKey(key);
    const name = owner?.name ?? before?.name ?? podName;
    const outcome = await mirror(deps, { namespace, name, uid: owner?.uid ?? before?.uid }, wanted);
    if (outcome === 'again') return { requeueAfterMs: MIN_REQUEUE_MS };
    if (!pod) complaints.delete(key);
    if (outcome !== 'done') {
      // Nobody is left to be told. While the port is not free again, as a new leader too would find it by that.
      if (!pod && deps.ports.by('claimant', claimantKey('Pod', key)).length === 0) {
        said.delete(key);
        return {};
      }
      // Nothing is missing on the GameServer.
      if (!pod || mirrored === JSON.stringify(nothingMirrored)) return before ? { requeueAfterMs: retryMs } : {};
      complain(deps, complaints, pod, outcome);
      return { requeueAfterMs: retryMs };
    }
    complaints.delete(key);
    if (owner) said.set(key, { name, uid: owner.uid, mirrored });
    else said.delete(key);
    return {};
  };
}

/** Adds to the queue every pod of a GameServer that changes. */
export function watchForGameServers({ pods }: Pick<GameServersDeps, 'pods'>, queue: WorkQueue): void {
  pods.onChange(({ key, object, previous }) => {
    const pod = object ?? previous;
    if (pod && gameServerOf(pod)) queue.add(key);
  });
}

/** What a new leader looks at: the pods of GameServers, and those that hold a port and are not there. */
export function gameServersToCheck({ pods, ports }: Pick<GameServersDeps, 'pods' | 'ports'>): string[] {
  const present = pods.list().filter(gameServerOf).map(keyOf);
  const claimed = ports.list().flatMap(({ spec: { claim } }) => {
    return claim?.kind === 'Pod' ? [`${claim.namespace}/${claim.name}`] : [];
  });
  return [...present, ...claimed.filter(key => !pods.get(key))];
}

/** How a try at a GameServer ended; `again` where it was changed meanwhile. */
type Outcome = 'done' | 'again' | 'GameServersNotServed' | 'GameServerForbidden';

async function mirror(
  { client }: GameServersDeps,
  { namespace, name, uid }: { namespace: string; name: string; uid: string | undefined },
  wanted: Mirrored,
): Promise<Outcome> {
  try {
    const live = await client.get(gameServers, { namespace, name });
    // Another one has its name by now: its own pod brings us to it.
    if (uid !== undefined && live.metadata.uid !== uid) return 'done';
    const operations = mirrorPatch(live, wanted);
    if (operations) await client.patch(gameServers, { namespace, name }, { type: 'json', operations });
    return 'done';
  } catch (error) {
    if (isNotServed(error)) return 'GameServersNotServed';
    if (isNotFound(error)) return 'done';
    if (isForbidden(error)) return 'GameServerForbidden';
    if (isConflict(error)) return 'again';
    throw error;
  }
}

/** Whether a pod that the cache lacks is there and asks for a port: then it is not for us to say that it has none. */
async function isServed({ client }: GameServersDeps, key: string): Promise<boolean> {
  try {
    const live = await client.get(podResource, parseKey(key));
    return live.metadata.labels?.[poolLabel] !== undefined;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Says once per pod, and again when it changes, why its GameServer lacks the endpoint. */
function complain(
  { events, log }: GameServersDeps,
  complaints: Map<string, string>,
  pod: Pod,
  reason: Exclude<Outcome, 'done' | 'again'>,
): void {
  const key = keyOf(pod);
  const about = `${pod.metadata.uid} ${reason}`;
  if (complaints.get(key) === about) return;
  complaints.set(key, about);
  const why = {
    GameServersNotServed: 'the cluster does not serve the kind GameServer of agones.dev/v1',
    GameServerForbidden: 'the operator may not get or patch it, deploy/agones.yaml allows it',
  }[reason];
  const error = codedError(reason, `Cannot mirror the endpoint of the pod onto its GameServer: ${why}`);
  log.warn({ pod: key, code: error.code }, error.message);
  events.record({
    resource: podResource,
    object: pod,
    type: 'Warning',
    reason,
    action: 'MirrorEndpoint',
    message: error.message,
  });
}
