import type { SchemaNode } from '../schema/schema-node.ts';

/** How the fields of an object are owned: one by one, or together. What has no shape: maps one by one, lists whole. */
export interface FieldShape {
  /** The value is owned as a whole. */
  atomic?: true;
  fields?: Record<string, FieldShape>;
  /** Shape of a map's values. */
  values?: FieldShape;
  /** A list of plain values, or the fields that tell a list's items apart; other lists are owned whole. */
  list?: 'set' | string[];
  items?: FieldShape;
}

const by = (list: string[], fields?: Record<string, FieldShape>): FieldShape => ({
  list,
  ...(fields ? { items: { fields } } : {}),
});

const metadata: FieldShape = { fields: { finalizers: { list: 'set' }, ownerReferences: by(['uid']) } };
const container = {
  ports: by(['containerPort', 'protocol']),
  env: by(['name']),
  volumeMounts: by(['mountPath']),
};
const conditions = by(['type']);
const shape = (spec: Record<string, FieldShape>, status: Record<string, FieldShape> = {}): FieldShape => ({
  fields: { metadata, spec: { fields: spec }, status: { fields: status } },
});

const builtIn: Record<string, FieldShape> = {
  Pod: shape(
    {
      containers: by(['name'], container),
      initContainers: by(['name'], container),
      volumes: by(['name']),
      imagePullSecrets: by(['name']),
      hostAliases: by(['ip']),
      nodeSelector: { atomic: true },
    },
    { conditions, podIPs: by(['ip']) },
  ),
  Service: shape({ ports: by(['port', 'protocol']), selector: { atomic: true } }, { conditions }),
  Namespace: shape({}, { conditions }),
  Node: shape({}, { conditions, addresses: by(['type']) }),
  ServiceAccount: { fields: { metadata, secrets: by(['name']) } },
  CustomResourceDefinition: shape({}, { conditions }),
};

/** The shape of a built-in kind, by Kubernetes' `listType` and `listMapKey` marks. */
export const builtInShape = (kind: string): FieldShape => builtIn[kind] ?? { fields: { metadata } };

/** The shape of a custom resource, from its schema. */
export function customShape(root: SchemaNode): FieldShape {
  const { fields = {}, ...rest } = shapeOf(root);
  return { ...rest, fields: { ...fields, metadata } };
}

function shapeOf(node: SchemaNode): FieldShape {
  if (node.mapType === 'atomic') return { atomic: true };
  const result: FieldShape = {};
  if (node.properties.size > 0) {
    result.fields = Object.fromEntries([...node.properties].map(([name, child]) => [name, shapeOf(child)]));
  }
  if (node.additional) result.values = shapeOf(node.additional);
  if (node.listType === 'set') result.list = 'set';
  if (node.listType === 'map') result.list = node.listMapKeys;
  if (node.items) result.items = shapeOf(node.items);
  return result;
}
