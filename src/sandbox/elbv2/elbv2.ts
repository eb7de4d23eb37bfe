import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import type { Random } from '../../runtime/random.ts';
import type { Network } from '../network.ts';
import { type NetworkMapRule, networkMap } from '../network-map.ts';
import { accountLimitActions } from './actions/account-limits.ts';
import { listenerActions } from './actions/listeners.ts';
import { loadBalancerActions } from './actions/load-balancers.ts';
import { findTagged, tagActions } from './actions/tags.ts';
import { targetGroupActions } from './actions/target-groups.ts';
import { targetActions } from './actions/targets.ts';
import { createAddressPool } from './address-pool.ts';
import { partitionOf } from './arn.ts';
import { authenticate, type Caller } from './authentication.ts';
import { type Authorize, checkAuthorized, denyActions } from './authorization.ts';
import { AwsError } from './aws-error.ts';
import { type CallLog, createCallLog } from './call-log.ts';
import type { Action, Machine } from './context.ts';
import { createDataPlane } from './data-plane.ts';
import { answerEc2, isEc2Action } from './ec2/ec2.ts';
import { ec2ErrorXml } from './ec2/ec2-xml.ts';
import { createHealthChecker } from './health-checker.ts';
import { type Input, parseInput } from './input.ts';
import { profileSettings, type Settings } from './settings.ts';
import { createThrottle } from './throttle.ts';
import { targetKey, type World } from './world.ts';
import { errorXml, successXml } from './xml.ts';

/** A request as it came over HTTP, or would have: header names in lower case. */
export interface ElbRequest {
  readonly method: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** The answer to a request. */
export interface ElbResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Something that answers requests: the emulator, or a wrapper around it. */
export type ElbHandler = (request: ElbRequest) => Promise<ElbResponse>;

/** An emulated ELBv2 with its load balancers. */
export interface Elbv2 {
  readonly handle: ElbHandler;
  readonly callLog: CallLog;
  /** What every account has in every region, as it is: for those who judge from outside. It is not to be changed. */
  look(): World[];
  /** Live flows through all load balancers. */
  flows(): { tcpConnections: number; udpFlows: number };
  /** Listeners whose sockets could not be opened, with the reason. */
  problems(): { listenerArn: string; problem: string }[];
  /** Closes every socket and stops every timer. */
  close(): Promise<void>;
}

/** What the emulator needs from outside. */
export interface Elbv2Deps {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Log;
  /** Default: the `instant` profile. */
  readonly settings?: Settings;
  /** Where targets are really dialled; default: where they say they are. */
  readonly networkMap?: readonly NetworkMapRule[];
  /** Asked before every action, besides the setting `deny`. */
  readonly authorize?: Authorize;
}

const apiVersion = '2015-12-01';

// Enough for the longest legal call, a thousand targets, many times over.
const maxBodyLength = 2 * 1024 * 1024;

const actions: ReadonlyMap<string, Action> = new Map(
  Object.entries({
    ...loadBalancerActions,
    ...targetGroupActions,
    ...listenerActions,
    ...targetActions,
    ...tagActions,
    ...accountLimitActions,
  }),
);

/** Actions of the real API that the emulator lacks: it says so instead of denying that they exist. */
const notImitated = new Set(
  [
    'AddListenerCertificates RemoveListenerCertificates DescribeListenerCertificates DescribeSSLPolicies',
    'CreateRule DeleteRule DescribeRules ModifyRule SetRulePriorities',
    'AddTrustStoreRevocations CreateTrustStore DeleteSharedTrustStoreAssociation DeleteTrustStore DescribeTrustStoreAssociations',
    'DescribeTrustStoreRevocations DescribeTrustStores GetTrustStoreCaCertificatesBundle GetTrustStoreRevocationContent',
    'ModifyTrustStore RemoveTrustStoreRevocations',
    'DescribeCapacityReservation ModifyCapacityReservation GetResourcePolicy ModifyIpPools',
  ].flatMap(line => line.split(' ')),
);

/** Makes an emulator. Nothing listens and no timer runs until a load balancer has a listener. */
export function createElbv2(deps: Elbv2Deps): Elbv2 {
  const { clock, random, network, log } = deps;
  const settings = deps.settings ?? profileSettings('instant');
  const worlds = new Map<string, World>();
  const callLog = createCallLog(settings['call-log-entries']);
  const draw: Machine['draw'] = ({ minMs, maxMs }) =>
    minMs === maxMs ? minMs : minMs + random.next() * (maxMs - minMs);
  const dialledHost = networkMap(deps.networkMap ?? []);
  const shared = { clock, random, log, settings, network, dialledHost, draw };
  const health = createHealthChecker(shared);
  const plane = createDataPlane(shared);
  const machine: Machine = {
    ...shared,
    addresses: createAddressPool({ random, network: settings['address-range'] }),
    plane,
    health,
    dropTarget(group, target, endFlows) {
      health.stop(target);
      target.draining?.endTimer.cancel();
      const key = targetKey(target.id, target.port);
      if (group.targets.get(key) === target) group.targets.delete(key);
      group.lingering.delete(target);
      if (endFlows) for (const end of [...target.flows]) end();
    },
  };
  const denied = denyActions(settings.deny);

  function worldOf(caller: Caller): World {
    // An access key of twelve digits is an account of its own, so that tests can have several.
    const account = /^\d{12}$/.test(caller.accessKeyId) ? caller.accessKeyId : settings.account;
    const name = `${account}/${caller.region}`;
    const known = worlds.get(name);
    if (known) return known;
    const world: World = {
      account,
      region: caller.region,
      partition: partitionOf(caller.region),
      throttle: createThrottle({ clock, settings }),
      loadBalancers: new Map(),
      loadBalancersByName: new Map(),
      targetGroups: new Map(),
      targetGroupsByName: new Map(),
      listeners: new Map(),
      zones: new Map(),
      sequence: 0,
    };
    worlds.set(name, world);
    return world;
  }

  async function perform(request: ElbRequest, call: Progress): Promise<string> {
    if (request.method !== 'POST' && request.method !== 'GET') {
      throw new AwsError('InvalidRequest', `The HTTP method ${request.method.slice(0, 20)} is not supported`, 405);
    }
    if (request.body.length > maxBodyLength)
      throw new AwsError('RequestEntityTooLarge', 'The request is too large', 413);
    const question = request.path.indexOf('?');
    const query = question < 0 ? '' : request.path.slice(question + 1);
    const form = request.method === 'GET' || request.body === '' ? query : request.body;
    const input = parseInput(form);
    const name = input.text('Action');
    const action = name === undefined ? undefined : actions.get(name);
    if (name !== undefined && (action || notImitated.has(name))) call.action = name;
    call.input = input;
    call.mutating = action !== undefined && action.bucket !== 'describe';

    const caller = authenticate({ headers: request.headers, query }, clock.nowMs(), settings['signature-age'].minMs);
    const world = worldOf(caller);
    call.world = world;
    if (caller.service === 'ec2') {
      call.service = 'ec2';
      const flat = parseInput(form, 'flat');
      if (name !== undefined && isEc2Action(name)) call.action = name;
      return answerEc2({ world, denied, input: flat, requestId: call.requestId });
    }
    if (caller.service !== 'elasticloadbalancing') {
      throw new AwsError(
        'SignatureDoesNotMatch',
        "Credential should be scoped to correct service: 'elasticloadbalancing'.",
        403,
      );
    }
    if (name === undefined || name === '') throw new AwsError('MissingAction', 'Missing Action');
    const version = input.text('Version');
    if (!action || version !== apiVersion) {
      if (version === apiVersion && notImitated.has(name))
        throw new AwsError('NotImplemented', `The emulator does not imitate ${name}`, 501);
      throw new AwsError(
        'InvalidAction',
        `Could not find operation ${name.slice(0, 100)} for version ${(version ?? 'NO_VERSION_SPECIFIED').slice(0, 100)}`,
      );
    }
    world.throttle.take(action.bucket);
    checkAuthorized({
      world,
      caller,
      action,
      name,
      input,
      findTagged,
      denied,
      ...(deps.authorize ? { authorize: deps.authorize } : {}),
    });
    return successXml(name, await action.run({ ...machine, world, input }), call.requestId);
  }

  async function handle(request: ElbRequest): Promise<ElbResponse> {
    const call: Progress = {
      requestId: requestId(random),
      service: 'elasticloadbalancing',
      action: '(unknown)',
      mutating: false,
      input: undefined,
      world: undefined,
    };
    let status = 200;
    let error: string | null = null;
    let body: string;
    const latencyMs = draw(settings.latency);
    if (latencyMs > 0) await sleep(clock, latencyMs);
    try {
      body = await perform(request, call);
    } catch (thrown) {
      const answer = thrown instanceof AwsError ? thrown : internalFailure(log, call, thrown);
      status = answer.status;
      error = answer.code;
      body = call.service === 'ec2' ? ec2ErrorXml(answer, call.requestId) : errorXml(answer, call.requestId);
    }
    callLog.add({
      atMs: clock.nowMs(),
      account: call.world?.account ?? '',
      region: call.world?.region ?? '',
      action: call.action,
      mutating: call.mutating,
      status,
      error,
      requestId: call.requestId,
      parameters: call.input ? keyParameters(call.input) : {},
    });
    return {
      status,
      headers: {
        'content-type': 'text/xml',
        'x-amzn-requestid': call.requestId,
        date: new Date(clock.nowMs()).toUTCString(),
      },
      body,
    };
  }

  return {
    handle,
    callLog,
    look: () => [...worlds.values()],
    flows: () => plane.counts(),
    problems: () =>
      [...worlds.values()]
        .flatMap(world => [...world.listeners.values()])
        .flatMap(listener => {
          const problem = plane.problem(listener);
          return problem === undefined ? [] : [{ listenerArn: listener.arn, problem }];
        }),
    async close() {
      for (const world of worlds.values()) {
        for (const group of world.targetGroups.values()) {
          for (const target of [...group.targets.values(), ...group.lingering]) machine.dropTarget(group, target, true);
        }
      }
      await plane.closeAll();
    },
  };
}

/** What is known of a call so far, for its log entry. */
interface Progress {
  readonly requestId: string;
  /** Whose way of saying no the client knows. */
  service: 'elasticloadbalancing' | 'ec2';
  action: string;
  mutating: boolean;
  input: Input | undefined;
  world: World | undefined;
}

function internalFailure(log: Log, call: Progress, thrown: unknown): AwsError {
  log.error(
    { code: 'EmulatorFailure', action: call.action, error: thrown instanceof Error ? thrown.stack : String(thrown) },
    'The emulator failed',
  );
  return new AwsError('InternalFailure', 'The request processing has failed because of an unknown error', 500);
}

function requestId(random: Random): string {
  // Four draws instead of 32: every call needs one of these.
  const words = [0, 0, 0, 0].map(() =>
    Math.floor(random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  );
  const hex = words.join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const keyNames = ['Name', 'LoadBalancerArn', 'TargetGroupArn', 'ListenerArn', 'Port', 'Protocol'] as const;

function keyParameters(input: Input): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of keyNames) {
    const value = input.text(name);
    if (value !== undefined) found[name] = value.slice(0, 300);
  }
  const lists: [string, string[] | undefined][] = [
    ['Names', input.texts('Names')],
    ['ResourceArns', input.texts('ResourceArns')],
    [
      'Targets',
      input.structs('Targets')?.map(target => [target.text('Id'), target.text('Port')].filter(Boolean).join(':')),
    ],
  ];
  for (const [name, values] of lists) if (values) found[name] = values.slice(0, 20).join(',').slice(0, 2000);
  return found;
}
