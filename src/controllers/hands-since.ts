import type { NLBPort } from '../api/port.ts';
import type { Informer } from '../kube/informer.ts';
import type { Clock } from '../runtime/clock.ts';

/** Since when a port is in its present hands: who came first is served first by AWS too, with all of its calls. */
export function createHandsSince({
  clock,
  ports,
}: {
  clock: Clock;
  ports: Informer<NLBPort>;
}): (port: NLBPort) => number {
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
