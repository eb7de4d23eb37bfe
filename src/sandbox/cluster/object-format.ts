import type { ApiObject, Json, JsonObject } from './json.ts';
import { itemTextOf, textOf } from './json-text.ts';
import type { Kind } from './kind.ts';
import type { Format } from './media-type.ts';

/** Metadata of a list's answer. */
export interface ListMeta {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

/** JSON text of one object in the form asked for. */
export function objectText(kind: Kind, object: ApiObject, format: Format, nowMs: number, include: string): string {
  const shown = viewOf(kind, object);
  if (format === 'table')
    return JSON.stringify(
      tableOf(kind, [object], { resourceVersion: object.metadata.resourceVersion }, nowMs, include, true),
    );
  if (format === 'partial') return JSON.stringify(partial(shown));
  return textOf(shown);
}

/** JSON text of a list in the form asked for. */
export function listText(
  kind: Kind,
  objects: readonly ApiObject[],
  meta: ListMeta,
  format: Format,
  nowMs: number,
  include: string,
): string {
  if (format === 'table') return JSON.stringify(tableOf(kind, objects, meta, nowMs, include, true));
  if (format === 'partial') {
    const items = objects.map(object => partial(viewOf(kind, object)));
    return JSON.stringify({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: meta, items });
  }
  const isCustom = kind.mergeShape === undefined;
  const texts = objects.map(object => (isCustom ? textOf(viewOf(kind, object)) : itemTextOf(viewOf(kind, object))));
  const head = JSON.stringify({ kind: kind.listKind, apiVersion: kind.apiVersion, metadata: meta });
  return `${head.slice(0, -1)},"items":[${texts.join(',')}]}`;
}

/** The object as this version of its kind shows it. */
export function viewOf(kind: Kind, object: ApiObject): ApiObject {
  return kind.fromStored ? kind.fromStored(object) : object;
}

function partial(object: ApiObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** The objects as rows, the way kubectl prints them. `include` is `None`, `Metadata` or `Object`. */
export function tableOf(
  kind: Kind,
  objects: readonly ApiObject[],
  meta: ListMeta,
  nowMs: number,
  include: string,
  withColumns: boolean,
): JsonObject {
  const definitions: Json[] = [
    ...(kind.nameFirst
      ? [{ name: 'Name', type: 'string', format: 'name', description: 'Name within its namespace.', priority: 0 }]
      : []),
    ...kind.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? '',
      description,
      priority,
    })),
  ];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { ...meta },
    columnDefinitions: withColumns ? definitions : null,
    rows: objects.map(object => ({
      cells: [
        ...(kind.nameFirst ? [object.metadata.name] : []),
        ...kind.columns.map(column => column.cell(object, nowMs)),
      ],
      ...(include === 'None'
        ? {}
        : { object: include === 'Object' ? viewOf(kind, object) : partial(viewOf(kind, object)) }),
    })),
  };
}

/** An object of the kind that carries a version only: what a bookmark holds. */
export function bookmarkObject(kind: Kind, version: number, initialEventsEnd: boolean): JsonObject {
  return {
    kind: kind.kind,
    apiVersion: kind.apiVersion,
    metadata: {
      resourceVersion: String(version),
      creationTimestamp: null,
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
    ...(kind.kind === 'Pod' && kind.group === '' ? { spec: { containers: null }, status: {} } : {}),
  };
}
