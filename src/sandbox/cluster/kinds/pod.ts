import { type FieldError, fieldError, forbidden, invalid, notSupported, required } from '../api-error.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type Json,
  type JsonObject,
  readPath,
  withField,
} from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { mergeShapes } from '../merge-shapes.ts';
import { labelErrors, qualifiedNameErrors, subdomainErrors } from '../names.ts';
import { nextGeneration } from '../object-meta.ts';
import type { FieldReader } from '../selectors.ts';
import { age, textAt, textColumn } from '../table-cells.ts';

/** What Kubernetes waits for a pod unless the pod says otherwise, seconds. */
const defaultGraceSeconds = 30;

/** `v1` Pod: defaults, the status subresource, graceful deletion once it is bound to a node. */
export function podKind(): Kind {
  return plainKind({
    group: '',
    version: 'v1',
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    categories: ['all'],
    namespaced: true,
    checkName: subdomainErrors,
    hasStatus: true,
    mergeShape: mergeShapes.Pod!,
    returnsDeleted: true,
    fields: podFields,
    columns: podColumns,
    decode: object => ({ object: withPodDefaults(object), unknown: [] }),
    prepareCreate(object) {
      const status = { phase: 'Pending', qosClass: qosClass(object) };
      return { ...object, status, metadata: { ...object.metadata, generation: 1 } };
    },
    prepareUpdate(next, old) {
      const kept = withField(next, 'status', old.status);
      return deepEqual(kept.spec, old.spec) ? kept : nextGeneration(kept, old);
    },
    prepareStatus(next, old) {
      const metadata = withField(next.metadata, 'ownerReferences', old.metadata.ownerReferences);
      const status: JsonObject = { ...asObject(next.status) };
      const qos = asObject(old.status).qosClass;
      if (status.qosClass === undefined && qos !== undefined) status.qosClass = qos;
      return { ...next, metadata, spec: old.spec, status };
    },
    judge(object, old, subresource) {
      if (subresource === 'status') return { errors: statusErrors(object), warnings: [] };
      return { errors: old ? changeErrors(object, old) : specErrors(asObject(object.spec)), warnings: [] };
    },
    graceSeconds(object, askedSeconds) {
      const spec = asObject(object.spec);
      const own = spec.terminationGracePeriodSeconds;
      const period = askedSeconds ?? (typeof own === 'number' ? own : 0);
      const phase = asObject(object.status).phase;
      if (!spec.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
      return period < 0 ? 1 : period;
    },
  });
}

const at =
  (path: string): FieldReader =>
  object => {
    const value = readPath(object, path.split('.'));
    return value === undefined || value === null ? '' : String(value);
  };

const podFields: Record<string, FieldReader> = {
  'spec.nodeName': at('spec.nodeName'),
  'spec.restartPolicy': at('spec.restartPolicy'),
  'spec.schedulerName': at('spec.schedulerName'),
  'spec.serviceAccountName': at('spec.serviceAccountName'),
  'spec.hostNetwork': object => String(asObject(object.spec).hostNetwork === true),
  'status.phase': at('status.phase'),
  'status.podIP': at('status.podIP'),
  'status.podIPs': at('status.podIP'),
  'status.nominatedNodeName': at('status.nominatedNodeName'),
};

function withPodDefaults(object: JsonObject): JsonObject {
  const spec = asObject(object.spec);
  const next: JsonObject = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: defaultGraceSeconds,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
    ...spec,
  };
  if (spec.serviceAccountName) next.serviceAccount = spec.serviceAccountName;
  if (next.priority === undefined) next.priority = 0;
  if (next.preemptionPolicy === undefined) next.preemptionPolicy = 'PreemptLowerPriority';
  for (const list of ['containers', 'initContainers']) {
    if (Array.isArray(spec[list])) next[list] = spec[list].map(withContainerDefaults);
  }
  next.tolerations = withNodeTolerations(spec.tolerations);
  const result: JsonObject = { ...object, spec: next };
  if (isObject(object.status)) result.status = withAddresses(object.status);
  return result;
}

function withContainerDefaults(container: Json): Json {
  if (!isObject(container)) return container;
  const image = asString(container.image);
  const tag = image.includes('@') ? '@' : image.slice(image.lastIndexOf('/') + 1).split(':')[1];
  const next: JsonObject = {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent',
    ...container,
  };
  const resources = asObject(container.resources);
  if (isObject(resources.limits)) {
    next.resources = { ...resources, requests: { ...resources.limits, ...asObject(resources.requests) } };
  }
  if (Array.isArray(container.env)) next.env = container.env.map(withFieldVersion);
  if (Array.isArray(container.ports)) {
    next.ports = container.ports.map(port => (isObject(port) ? { protocol: 'TCP', ...port } : port));
  }
  return next;
}

/** A field that a variable is read from is one of `v1` unless it says otherwise. */
function withFieldVersion(variable: Json): Json {
  const source = asObject(asObject(variable).valueFrom);
  if (!isObject(source.fieldRef)) return variable;
  return { ...asObject(variable), valueFrom: { ...source, fieldRef: { apiVersion: 'v1', ...source.fieldRef } } };
}

/** What admission adds: a pod stays 5 minutes on a node that is not ready or unreachable. */
function withNodeTolerations(given: Json | undefined): Json[] {
  const tolerations = asList(given);
  const added = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']
    .filter(
      key =>
        !tolerations.some(
          item => asObject(item).key === key || (asObject(item).operator === 'Exists' && !asObject(item).key),
        ),
    )
    .map(key => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  return added.length === 0 ? tolerations : [...tolerations, ...added];
}

/** `podIP` and the first of `podIPs` say the same; where they differ, `podIP` counts. */
function withAddresses(status: JsonObject): JsonObject {
  const ips = asList(status.podIPs);
  const first = asString(asObject(ips[0]).ip);
  const ip = asString(status.podIP);
  if (ip === first) return status;
  if (ip === '') return { ...status, podIP: first };
  return { ...status, podIPs: [{ ip }] };
}

function qosClass(object: ApiObject): string {
  let requests = false;
  let guaranteed = true;
  for (const container of asList(asObject(object.spec).containers)) {
    const resources = asObject(asObject(container).resources);
    const limits = asObject(resources.limits);
    const wanted = asObject(resources.requests);
    if (Object.keys(limits).length + Object.keys(wanted).length > 0) requests = true;
    for (const name of ['cpu', 'memory']) {
      if (limits[name] === undefined || (wanted[name] ?? limits[name]) !== limits[name]) guaranteed = false;
    }
  }
  return requests ? (guaranteed ? 'Guaranteed' : 'Burstable') : 'BestEffort';
}

function specErrors(spec: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  const containers = asList(spec.containers);
  if (containers.length === 0) errors.push(required('spec.containers'));
  const names = new Set<string>();
  const portNames = new Set<string>();
  for (const list of ['initContainers', 'containers']) {
    for (const [index, container] of asList(spec[list]).entries()) {
      errors.push(
        ...containerErrors(asObject(container), `spec.${list}[${index}]`, names, portNames, spec.hostNetwork === true),
      );
    }
  }
  if (!['Always', 'OnFailure', 'Never'].includes(asString(spec.restartPolicy))) {
    errors.push(notSupported('spec.restartPolicy', spec.restartPolicy ?? '', ['Always', 'OnFailure', 'Never']));
  }
  if (typeof spec.terminationGracePeriodSeconds === 'number' && spec.terminationGracePeriodSeconds < 0) {
    errors.push(
      invalid(
        'spec.terminationGracePeriodSeconds',
        spec.terminationGracePeriodSeconds,
        'must be greater than or equal to 0',
      ),
    );
  }
  for (const [index, gate] of asList(spec.readinessGates).entries()) {
    const type = asString(asObject(gate).conditionType);
    for (const message of qualifiedNameErrors(type)) {
      errors.push(invalid(`spec.readinessGates[${index}].conditionType`, type, message));
    }
  }
  return errors;
}

function containerErrors(
  container: JsonObject,
  path: string,
  names: Set<string>,
  portNames: Set<string>,
  hostNetwork: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const name = asString(container.name);
  if (name === '') errors.push(required(`${path}.name`));
  else {
    for (const message of labelErrors(name)) errors.push(invalid(`${path}.name`, name, message));
    if (names.has(name)) errors.push(fieldError('FieldValueDuplicate', `${path}.name`, name));
    names.add(name);
  }
  if (asString(container.image) === '') errors.push(required(`${path}.image`));
  for (const [index, item] of asList(container.ports).entries()) {
    const port = asObject(item);
    const at = `${path}.ports[${index}]`;
    const portName = asString(port.name);
    if (portName !== '') {
      if (!/^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]([a-z0-9]|-(?!-))*$/.test(portName) || portName.endsWith('-')) {
        errors.push(
          invalid(`${at}.name`, portName, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'),
        );
      } else if (portNames.has(portName)) errors.push(fieldError('FieldValueDuplicate', `${at}.name`, portName));
      portNames.add(portName);
    }
    const number = port.containerPort;
    if (number === undefined || number === 0) errors.push(required(`${at}.containerPort`));
    else if (typeof number === 'number' && (number < 1 || number > 65535)) {
      errors.push(invalid(`${at}.containerPort`, number, 'must be between 1 and 65535, inclusive'));
    }
    if (hostNetwork && port.hostPort !== undefined && port.hostPort !== number) {
      errors.push(invalid(`${at}.hostPort`, port.hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
    if (!['SCTP', 'TCP', 'UDP'].includes(asString(port.protocol))) {
      errors.push(notSupported(`${at}.protocol`, port.protocol ?? '', ['SCTP', 'TCP', 'UDP']));
    }
  }
  return errors;
}

/** Of a pod's spec only images, the deadline, added tolerations and removed scheduling gates may change. */
function changeErrors(object: ApiObject, old: ApiObject): FieldError[] {
  const spec = asObject(object.spec);
  const before = asObject(old.spec);
  if (deepEqual(spec, before)) return [];
  if (asList(spec.containers).length !== asList(before.containers).length) {
    return [forbidden('spec.containers', 'pod updates may not add or remove containers')];
  }
  const neutral = (from: JsonObject): JsonObject => {
    const copy: JsonObject = { ...from, activeDeadlineSeconds: null, tolerations: null, schedulingGates: null };
    for (const list of ['containers', 'initContainers']) {
      if (Array.isArray(from[list]))
        copy[list] = from[list].map(item => (isObject(item) ? { ...item, image: null } : item));
    }
    return copy;
  };
  const errors: FieldError[] = [];
  if (!deepEqual(neutral(spec), neutral(before))) {
    errors.push(
      forbidden(
        'spec',
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      ),
    );
  }
  const kept = asList(before.tolerations).every(item => asList(spec.tolerations).some(other => deepEqual(item, other)));
  if (!kept)
    errors.push(forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  for (const [index, container] of asList(spec.containers).entries()) {
    if (asString(asObject(container).image) === '') errors.push(required(`spec.containers[${index}].image`));
  }
  return errors;
}

const ipPattern = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/;

function statusErrors(object: ApiObject): FieldError[] {
  const errors: FieldError[] = [];
  const status = asObject(object.status);
  for (const [index, item] of asList(status.podIPs).entries()) {
    const ip = asString(asObject(item).ip);
    const octets = ip.includes(':') ? [] : ip.split('.');
    if (!ipPattern.test(ip) || octets.some(octet => Number(octet) > 255)) {
      errors.push(
        invalid(`status.podIPs[${index}].ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
      );
    }
  }
  return errors;
}

const podColumns = [
  textColumn('Ready', 'Containers that are ready, of all.', object => {
    const statuses = asList(asObject(object.status).containerStatuses);
    const ready = statuses.filter(item => asObject(item).ready === true).length;
    return `${ready}/${asList(asObject(object.spec).containers).length}`;
  }),
  textColumn('Status', 'What the pod is doing.', object => {
    if (object.metadata.deletionTimestamp) return 'Terminating';
    const status = asObject(object.status);
    return asString(status.reason) || asString(status.phase);
  }),
  textColumn('Restarts', 'Restarts of its containers.', object => {
    const restarts = asList(asObject(object.status).containerStatuses).map(item => asObject(item).restartCount);
    return String(restarts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0));
  }),
  textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
  textColumn('IP', "The pod's address.", object => textAt(object, 'status.podIP'), 1),
  textColumn('Node', 'The node it is bound to.', object => textAt(object, 'spec.nodeName'), 1),
  textColumn('Nominated Node', 'The node it waits for.', object => textAt(object, 'status.nominatedNodeName'), 1),
  textColumn(
    'Readiness Gates',
    'Readiness gates that hold, of all.',
    object => {
      const gates = asList(asObject(object.spec).readinessGates).map(gate => asString(asObject(gate).conditionType));
      if (gates.length === 0) return '<none>';
      const conditions = asList(asObject(object.status).conditions).map(asObject);
      const held = gates.filter(gate => conditions.some(item => item.type === gate && item.status === 'True'));
      return `${held.length}/${gates.length}`;
    },
    1,
  ),
];
