import type { MergeShape } from './strategic-merge-patch.ts';

const byKey = (mergeKey: string, fields?: Record<string, MergeShape>): MergeShape => ({
  mergeKey,
  ...(fields ? { items: { fields } } : {}),
});

const metadata: MergeShape = { fields: { finalizers: { set: true }, ownerReferences: byKey('uid') } };

const container: Record<string, MergeShape> = {
  ports: byKey('containerPort'),
  env: byKey('name'),
  volumeMounts: byKey('mountPath'),
  volumeDevices: byKey('devicePath'),
  resizePolicy: {},
};

const conditions = byKey('type');

const shape = (spec: Record<string, MergeShape>, status: Record<string, MergeShape> = {}): MergeShape => ({
  fields: { metadata, spec: { fields: spec }, status: { fields: status } },
});

/**
 * Which lists of the built-in kinds are merged item by item, and by which field: the `patchMergeKey` of Kubernetes'
 * types. Every other list is replaced whole.
 */
export const mergeShapes: Record<string, MergeShape> = {
  Pod: shape(
    {
      containers: byKey('name', container),
      initContainers: byKey('name', container),
      ephemeralContainers: byKey('name', container),
      volumes: byKey('name'),
      imagePullSecrets: byKey('name'),
      hostAliases: byKey('ip'),
      topologySpreadConstraints: byKey('topologyKey'),
      schedulingGates: byKey('name'),
      resourceClaims: byKey('name'),
    },
    {
      conditions,
      podIPs: byKey('ip'),
      hostIPs: byKey('ip'),
      resourceClaimStatuses: byKey('name'),
    },
  ),
  Namespace: shape({}, { conditions }),
  Node: shape({ podCIDRs: { set: true } }, { conditions, addresses: byKey('type') }),
  Service: shape({ ports: byKey('port') }, { conditions }),
  ServiceAccount: { fields: { metadata, secrets: byKey('name') } },
};

/** The shape of a kind that has nothing special but its metadata. */
export const plainShape: MergeShape = { fields: { metadata } };
