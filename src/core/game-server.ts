import { endpointAnnotation, endpointsAnnotation } from '../api/names.ts';
import type { JsonPatchOperation } from '../kube/client.ts';
import type { KubeObject, OwnerReference, Pod } from '../kube/objects.ts';

/** What of a pod stands on its GameServer, too, by the annotation's name; undefined where the pod has none. */
export type Mirrored = Record<typeof endpointAnnotation | typeof endpointsAnnotation, string | undefined>;

/** What stands on the GameServer of a pod that has no port. */
export const nothingMirrored: Mirrored = { [endpointAnnotation]: undefined, [endpointsAnnotation]: undefined };

/** Whether an owner is a GameServer of Agones that controls what it owns, whatever the version of its kind. */
export function isGameServer({ apiVersion, kind, controller }: OwnerReference): boolean {
  return kind === 'GameServer' && apiVersion.startsWith('agones.dev/') && controller === true;
}

/** The GameServer that made the pod; undefined where something else did. Agones gives both the same name. */
export function gameServerOf(pod: Pod): OwnerReference | undefined {
  return pod.metadata.ownerReferences?.find(isGameServer);
}

/** What the pod's GameServer is to say. */
export function mirrorOf({ metadata: { annotations } }: Pod): Mirrored {
  return {
    [endpointAnnotation]: annotations?.[endpointAnnotation],
    [endpointsAnnotation]: annotations?.[endpointsAnnotation],
  };
}

/**
 * The JSON patch that makes the GameServer say it; undefined where it does. It fails where another GameServer has the name
 * by now, and where one of our annotations, or all of them, were not as they were seen.
 */
export function mirrorPatch({ metadata }: KubeObject, wanted: Mirrored): JsonPatchOperation[] | undefined {
  const { uid, resourceVersion, annotations } = metadata;
  const changes = Object.entries(wanted).flatMap(([name, value]): JsonPatchOperation[] => {
    const now = annotations?.[name];
    const path = `/metadata/annotations/${name.replaceAll('/', '~1')}`;
    if (now === value) return [];
    if (value !== undefined) return [{ op: 'add', path, value }];
    return [
      { op: 'test', path, value: now },
      { op: 'remove', path },
    ];
  });
  if (changes.length === 0) return undefined;
  const fence: JsonPatchOperation = { op: 'test', path: '/metadata/uid', value: uid };
  if (annotations) return [fence, ...changes];
  // An empty map would wipe out what somebody else has put there meanwhile.
  return [
    fence,
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'add', path: '/metadata/annotations', value: {} },
    ...changes,
  ];
}
