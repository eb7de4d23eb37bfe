import { type FieldError, fieldError, forbidden, invalid, notSupported, required } from '../api-error.ts';
import {
  type ApiObject,
  asList,
  asObject,
  asString,
  deepEqual,
  isObject,
  type JsonObject,
  withField,
} from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { mergeShapes } from '../merge-shapes.ts';
import { labelErrors } from '../names.ts';
import { age, textColumn } from '../table-cells.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];

/** `v1` Service. Cluster IPs come from 10.96.0.0/16 and node ports from 30000 on, one after the other, never reused. */
export function serviceKind(): Kind {
  let clusterIps = 0;
  let nodePorts = 0;
  const nextClusterIp = () => {
    clusterIps++;
    return `10.96.${clusterIps >> 8}.${clusterIps & 255}`;
  };

  function allocate(object: ApiObject): ApiObject {
    const spec: JsonObject = { ...asObject(object.spec) };
    if (spec.type === 'ExternalName') return object;
    if (!spec.clusterIP) spec.clusterIP = nextClusterIp();
    spec.clusterIPs = [spec.clusterIP];
    const nodes =
      spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    spec.ports = asList(spec.ports).map(item => {
      const port: JsonObject = { ...asObject(item) };
      if (nodes && !port.nodePort) port.nodePort = 30000 + (nodePorts++ % 2768);
      if (!nodes && spec.type === 'ClusterIP') delete port.nodePort;
      return port;
    });
    return { ...object, spec };
  }

  return plainKind({
    group: '',
    version: 'v1',
    kind: 'Service',
    plural: 'services',
    shortNames: ['svc'],
    categories: ['all'],
    namespaced: true,
    checkName: labelErrors,
    hasStatus: true,
    mergeShape: mergeShapes.Service!,
    returnsDeleted: true,
    createOnUpdate: true,
    fields: {
      'spec.clusterIP': object => asString(asObject(object.spec).clusterIP),
      'spec.type': object => asString(asObject(object.spec).type),
    },
    columns: [
      textColumn('Type', 'How it is reached.', object => asString(asObject(object.spec).type)),
      textColumn('Cluster-IP', 'Its address inside.', object => asString(asObject(object.spec).clusterIP) || '<none>'),
      textColumn('External-IP', 'Its address outside.', externalAddress),
      textColumn('Port(s)', 'Its ports.', object => {
        const ports = asList(asObject(object.spec).ports).map(item => {
          const port = asObject(item);
          return `${String(port.port)}${port.nodePort ? `:${String(port.nodePort)}` : ''}/${asString(port.protocol)}`;
        });
        return ports.length > 0 ? ports.join(',') : '<none>';
      }),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
      textColumn(
        'Selector',
        'Pods behind it.',
        object => {
          const pairs = Object.entries(asObject(asObject(object.spec).selector)).map(
            ([key, value]) => `${key}=${String(value)}`,
          );
          return pairs.length > 0 ? pairs.join(',') : '<none>';
        },
        1,
      ),
    ],
    decode: object => ({ object: withDefaults(object), unknown: [] }),
    prepareCreate: object => ({ ...allocate(object), status: { loadBalancer: {} } }),
    prepareUpdate(next, old) {
      const spec: JsonObject = { ...asObject(next.spec) };
      const before = asObject(old.spec);
      if (!spec.clusterIP && spec.type !== 'ExternalName') spec.clusterIP = before.clusterIP;
      spec.ports = asList(spec.ports).map(item => {
        const port = asObject(item);
        const was = asList(before.ports)
          .map(asObject)
          .find(other => other.port === port.port && other.protocol === port.protocol);
        return was?.nodePort && !port.nodePort ? { ...port, nodePort: was.nodePort } : port;
      });
      // What is no load balancer any more has no way in either.
      const left = before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer';
      const status = left ? { ...asObject(old.status), loadBalancer: {} } : old.status;
      return withField(allocate({ ...next, spec }), 'status', status);
    },
    prepareStatus: (next, old) => withField(next, 'spec', old.spec),
    judge(object, old, subresource) {
      return { errors: subresource === 'status' ? statusErrors(object) : specErrors(object, old), warnings: [] };
    },
  });
}

function withDefaults(object: JsonObject): JsonObject {
  const given = asObject(object.spec);
  const type = asString(given.type) || 'ClusterIP';
  const spec: JsonObject = { sessionAffinity: 'None', ...given, type };
  if (type !== 'ExternalName') {
    spec.internalTrafficPolicy ??= 'Cluster';
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }
  if (type === 'NodePort' || type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
  if (type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (Array.isArray(given.ports)) {
    spec.ports = given.ports.map(port => {
      if (!isObject(port)) return port;
      const next: JsonObject = { protocol: 'TCP', ...port };
      if (next.targetPort === undefined || next.targetPort === 0 || next.targetPort === '') {
        if (next.port !== undefined) next.targetPort = next.port;
      }
      return next;
    });
  }
  return { ...object, spec };
}

function specErrors(object: ApiObject, old: ApiObject | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const spec = asObject(object.spec);
  const type = asString(spec.type);
  const ports = asList(spec.ports).map(asObject);
  if (!types.includes(type)) errors.push(notSupported('spec.type', type, types));
  if (ports.length === 0 && type !== 'ExternalName' && spec.clusterIP !== 'None') errors.push(required('spec.ports'));
  if (type === 'ExternalName' && !spec.externalName) errors.push(required('spec.externalName'));
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `spec.ports[${index}]`;
    const name = asString(port.name);
    if (name === '' && ports.length > 1) errors.push(required(`${at}.name`));
    else if (name !== '') {
      for (const message of labelErrors(name)) errors.push(invalid(`${at}.name`, name, message));
      if (names.has(name)) errors.push(fieldError('FieldValueDuplicate', `${at}.name`, name));
      names.add(name);
    }
    if (typeof port.port !== 'number' || port.port < 1 || port.port > 65535) {
      errors.push(invalid(`${at}.port`, port.port ?? 0, 'must be between 1 and 65535, inclusive'));
    }
    if (typeof port.targetPort === 'number' && (port.targetPort < 1 || port.targetPort > 65535)) {
      errors.push(invalid(`${at}.targetPort`, port.targetPort, 'must be between 1 and 65535, inclusive'));
    }
    if (!['SCTP', 'TCP', 'UDP'].includes(asString(port.protocol))) {
      errors.push(notSupported(`${at}.protocol`, port.protocol ?? '', ['SCTP', 'TCP', 'UDP']));
    }
    const number = `${String(port.port)}/${asString(port.protocol)}`;
    if (numbers.has(number)) {
      errors.push(fieldError('FieldValueDuplicate', at, { protocol: port.protocol!, port: port.port! }));
    }
    numbers.add(number);
  }
  if (spec.loadBalancerClass !== undefined && spec.loadBalancerClass !== null && type !== 'LoadBalancer') {
    errors.push(forbidden('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
  }
  if (old) errors.push(...changeErrors(spec, asObject(old.spec)));
  return errors;
}

function changeErrors(spec: JsonObject, before: JsonObject): FieldError[] {
  const errors: FieldError[] = [];
  if (before.type !== 'ExternalName' && spec.type !== 'ExternalName' && !deepEqual(spec.clusterIP, before.clusterIP)) {
    errors.push(invalid('spec.clusterIPs[0]', asList(spec.clusterIPs), 'may not change once set'));
  }
  if (before.type === 'LoadBalancer' && spec.type === 'LoadBalancer') {
    if (!deepEqual(spec.loadBalancerClass ?? null, before.loadBalancerClass ?? null)) {
      errors.push(invalid('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
    }
  }
  return errors;
}

function statusErrors(object: ApiObject): FieldError[] {
  const ingress = asList(asObject(asObject(object.status).loadBalancer).ingress);
  if (ingress.length > 0 && asObject(object.spec).type !== 'LoadBalancer') {
    return [forbidden('status.loadBalancer.ingress', 'may only be used when `spec.type` is LoadBalancer')];
  }
  return [];
}

function externalAddress(object: ApiObject): string {
  const spec = asObject(object.spec);
  if (spec.type === 'ExternalName') return asString(spec.externalName);
  if (spec.type !== 'LoadBalancer') return '<none>';
  const ingress = asList(asObject(asObject(object.status).loadBalancer).ingress).map(asObject);
  const addresses = ingress.map(item => asString(item.ip) || asString(item.hostname));
  return addresses.length > 0 ? addresses.join(',') : '<pending>';
}
