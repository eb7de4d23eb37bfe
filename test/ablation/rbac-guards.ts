import type { Guard } from './guard.ts';

/** A guard of one verb on one resource, in one of the manifests that grant roles. */
export interface RbacGuard extends Guard {
  manifest: string;
  group: string;
  resource: string;
  verb: string;
}

const rooms = 'src/simulation/rooms.test.ts';
const services = 'src/simulation/services.test.ts';
const pools = 'src/simulation/pools.test.ts';
const first = 'src/simulation/first-room.test.ts';
const faults = 'src/simulation/faults.test.ts';

const aRoom = [first, 'a room is served by the whole operator with no socket and no timer of the machine'] as const;
const aService = [services, 'a labelled Service gets a free port, and its ready pods behind it in one call'] as const;
const listed = [
  services,
  'an API server without WatchList is listed, and Services and rooms are served all the same',
] as const;
const lead = [faults, 'an operator that is told to stop gives the lead to the one that waits'] as const;
const slices = [services, 'slices that lost their label are looked for before the last target goes'] as const;
const goneService = [
  services,
  'a Service that is deleted, loses its label, its type or its pool gives its ports back',
] as const;
const poolGoes = [
  pools,
  'a pool that is deleted waits for its rooms, says who holds it, and keeps their endpoints',
] as const;
const shrinks = [
  pools,
  'a shrunk pool retires ports as their claimants end, and bound rooms lose nothing meanwhile',
] as const;
const told = [rooms, 'Events tell of a change of state once, and never of a retry'] as const;
const roomEnds = [rooms, 'a room that has ended gives its port back though its pod still exists'] as const;

const guard =
  (manifest: string, group: string) =>
  (resource: string, verb: string, [file, test]: readonly [string, string]): RbacGuard => ({
    change: `${verb} ${resource}${group === '' ? '' : `.${group}`}${manifest === 'deploy/rbac.yaml' ? '' : ` (${manifest})`}`,
    ...{ file, test, manifest, group, resource, verb },
  });
const core = guard('deploy/rbac.yaml', '');
const discovery = guard('deploy/rbac.yaml', 'discovery.k8s.io');
const eventsGroup = guard('deploy/rbac.yaml', 'events.k8s.io');
const ours = guard('deploy/rbac.yaml', 'nlbports.dev');
const coordination = guard('deploy/rbac.yaml', 'coordination.k8s.io');
const ofGates = guard('deploy/scheduling-gate.yaml', '');
const ofAgones = guard('deploy/agones.yaml', 'agones.dev');
const agones = 'src/simulation/agones.test.ts';

/** Every verb of every rule that is shipped. */
export const rbacGuards: readonly RbacGuard[] = [
  core('pods', 'get', roomEnds),
  core('pods', 'list', listed),
  core('pods', 'watch', aRoom),
  core('pods/status', 'patch', aRoom),
  core('services', 'get', goneService),
  core('services', 'list', listed),
  core('services', 'watch', aService),
  core('services/status', 'patch', aService),
  discovery('endpointslices', 'list', slices),
  discovery('endpointslices', 'watch', aService),
  core('namespaces', 'get', aRoom),
  eventsGroup('events', 'create', told),
  eventsGroup('events', 'patch', [
    'src/simulation/readiness.test.ts',
    'a pod that gets another address is ready no more until that one has settled',
  ]),
  ours('nlbportpools', 'get', [
    services,
    'requests that get lost, come late or come twice leave each Service with exactly its ports',
  ]),
  ours('nlbportpools', 'list', listed),
  ours('nlbportpools', 'watch', aRoom),
  ours('nlbportpools', 'patch', poolGoes),
  ours('nlbportpools/status', 'update', poolGoes),
  ours('nlbports', 'get', [
    'src/simulation/audit.test.ts',
    'orphans are deleted after two complete audits, the first says so, and a live room is not touched',
  ]),
  ours('nlbports', 'list', listed),
  ours('nlbports', 'watch', aRoom),
  ours('nlbports', 'create', aRoom),
  ours('nlbports', 'patch', aRoom),
  ours('nlbports', 'delete', shrinks),
  ours('nlbports/status', 'update', aRoom),
  coordination('leases', 'get', lead),
  coordination('leases', 'list', listed),
  coordination('leases', 'watch', lead),
  coordination('leases', 'create', lead),
  coordination('leases', 'update', lead),
  ofAgones('gameservers', 'get', [
    agones,
    "a GameServer says the endpoint of its pod, beside what others say there, and follows the pod's state",
  ]),
  ofAgones('gameservers', 'patch', [
    agones,
    "a GameServer says the endpoint of its pod, beside what others say there, and follows the pod's state",
  ]),
  ofGates('pods', 'patch', [
    'src/simulation/own-address.test.ts',
    'a pod with our scheduling gate keeps it until its endpoint is published, and then loses no other',
  ]),
];
