import type { NLBPortPool } from '../api/pool.ts';
import type { NLBPort } from '../api/port.ts';
import type { Informer } from '../kube/informer.ts';

/**
 * Ports whose objects were deleted by somebody else and left resources in AWS: the next object of the name looks for them,
 * or they would stay there with nobody to know of them. A process that was not there to see it leaves it to the audit.
 */
export function createLeftBehind({ ports, pools }: { ports: Informer<NLBPort>; pools: Informer<NLBPortPool> }) {
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
