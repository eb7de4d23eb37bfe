import { type FieldError, invalid, required } from '../api-error.ts';
import { type ApiObject, asObject, asString, deepEqual, type JsonObject, readPath } from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { mergeShapes } from '../merge-shapes.ts';
import { qualifiedNameErrors, subdomainErrors } from '../names.ts';
import type { FieldReader } from '../selectors.ts';
import { age, textColumn } from '../table-cells.ts';
import { checkMicroTimes } from './time-fields.ts';

const collection = 'events';

/** `v1` Event: the stored form of both versions. */
export function coreEventKind(): Kind {
  return plainKind({
    ...common,
    group: '',
    version: 'v1',
    decode(object) {
      checkMicroTimes(object, 'Event', 'v1', ['eventTime', 'series.lastObservedTime']);
      return { object: { ...unset, ...object }, unknown: [] };
    },
    judge: object => ({ errors: namespaceErrors(object), warnings: [] }),
    fields: eventFields('involvedObject', 'reportingComponent'),
  });
}

/** `events.k8s.io/v1` Event: the same objects under newer names, with stricter rules for what is made through it. */
export function newEventKind(): Kind {
  return plainKind({
    ...common,
    group: 'events.k8s.io',
    version: 'v1',
    collection,
    decode(object) {
      checkMicroTimes(object, 'Event', 'v1', ['eventTime', 'series.lastObservedTime']);
      return { object: { ...unset, ...rename(object, toStoredNames) }, unknown: [] };
    },
    fromStored(object) {
      const shown = rename(object, toNewNames) as ApiObject;
      for (const field of ['reportingController', 'reportingInstance']) if (shown[field] === '') delete shown[field];
      return { ...shown, apiVersion: 'events.k8s.io/v1' };
    },
    judge: (object, old) => ({ errors: old ? updateErrors(object, old) : createErrors(object), warnings: [] }),
    fields: eventFields('regarding', 'reportingController'),
  });
}

/** Fields that an Event always shows: `kubectl get events --sort-by=.lastTimestamp` fails where one lacks its own. */
const unset: JsonObject = {
  source: {},
  firstTimestamp: null,
  lastTimestamp: null,
  eventTime: null,
  reportingComponent: '',
  reportingInstance: '',
};

const columns = [
  textColumn('Last Seen', 'When it was last seen.', (object, nowMs) =>
    age(
      readPath(object, ['series', 'lastObservedTime']) ?? object.lastTimestamp ?? object.eventTime ?? undefined,
      nowMs,
    ),
  ),
  textColumn('Type', 'Normal or Warning.', object => asString(object.type)),
  textColumn('Reason', 'Why, in one word.', object => asString(object.reason)),
  textColumn('Object', 'What it is about.', object => {
    const about = asObject(object.involvedObject);
    return `${asString(about.kind).toLowerCase()}/${asString(about.name)}`;
  }),
  textColumn('Subobject', 'Part of the object.', object => asString(asObject(object.involvedObject).fieldPath), 1),
  textColumn(
    'Source',
    'Who says so.',
    object => asString(asObject(object.source).component) || asString(object.reportingComponent),
    1,
  ),
  textColumn('Message', 'What happened.', object => asString(object.message).trim()),
  textColumn(
    'First Seen',
    'When it was first seen.',
    (object, nowMs) => age(object.firstTimestamp ?? object.eventTime ?? undefined, nowMs),
    1,
  ),
  textColumn('Count', 'How often.', object => Number(asObject(object.series).count ?? object.count ?? 1), 1, 'integer'),
  textColumn('Name', "The event's name.", object => object.metadata.name, 1),
];

const common = {
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  namespaced: true,
  checkName: subdomainErrors,
  createOnUpdate: true,
  mergeShape: mergeShapes.Event ?? {},
  columns,
  nameFirst: false,
} satisfies Partial<Kind>;

function eventFields(about: string, reporter: string): Record<string, FieldReader> {
  const text =
    (...path: string[]): FieldReader =>
    object =>
      asString(readPath(object, path));
  const fields: Record<string, FieldReader> = {
    reason: text('reason'),
    type: text('type'),
    [reporter]: text('reportingComponent'),
    reportingComponent: text('reportingComponent'),
    source: object => asString(asObject(object.source).component) || asString(object.reportingComponent),
  };
  for (const field of ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath']) {
    fields[`${about}.${field}`] = text('involvedObject', field);
  }
  return fields;
}

const toNewNames: Record<string, string> = {
  involvedObject: 'regarding',
  message: 'note',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
  reportingComponent: 'reportingController',
};
const toStoredNames = Object.fromEntries(Object.entries(toNewNames).map(([stored, newer]) => [newer, stored]));

function rename(object: JsonObject, names: Record<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([field, value]) => [names[field] ?? field, value]));
}

function createErrors(object: ApiObject): FieldError[] {
  const errors: FieldError[] = [];
  if (!object.eventTime) errors.push(required('eventTime'));
  for (const [stored, shown, most] of limits) {
    const value = asString(object[stored]);
    if (value === '') errors.push(required(shown));
    else if (Buffer.byteLength(value) > most) errors.push(invalid(shown, '', `can have at most ${most} characters`));
    if (stored !== 'reportingComponent') continue;
    for (const message of qualifiedNameErrors(value)) errors.push(invalid(shown, value, message));
  }
  if (object.type !== 'Normal' && object.type !== 'Warning') {
    errors.push(invalid('type', '', `has invalid value: ${asString(object.type)}`));
  }
  if (Buffer.byteLength(asString(object.message)) > 1024) {
    errors.push(invalid('note', '', 'can have at most 1024 characters'));
  }
  for (const [stored, shown] of deprecated) {
    const value = object[stored];
    if (value !== undefined && value !== null && value !== 0) errors.push(invalid(shown, value, 'needs to be unset'));
  }
  return errors;
}

/** Stored name, name in the newer version, longest value in bytes (Kubernetes' validation of events.k8s.io). */
const limits = [
  ['reportingComponent', 'reportingController', 128],
  ['reportingInstance', 'reportingInstance', 128],
  ['action', 'action', 128],
  ['reason', 'reason', 128],
] as const;

const deprecated = [
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
] as const;

function updateErrors(object: ApiObject, old: ApiObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const stored of [
    'involvedObject',
    'reason',
    'message',
    'type',
    'eventTime',
    'action',
    'related',
    'reportingComponent',
    'reportingInstance',
  ]) {
    const shown = toNewNames[stored] ?? stored;
    if (!deepEqual(object[stored] ?? null, old[stored] ?? null)) {
      errors.push(invalid(shown, object[stored] ?? null, 'field is immutable'));
    }
  }
  return errors;
}

/** An event lies in the namespace of what it is about, or in `default` where that has none. */
function namespaceErrors(object: ApiObject): FieldError[] {
  const involved = asString(asObject(object.involvedObject).namespace);
  const namespace = object.metadata.namespace ?? '';
  if (involved === '' ? namespace === 'default' || namespace === 'kube-system' : involved === namespace) return [];
  return [invalid('involvedObject.namespace', involved, 'does not match event.namespace')];
}
