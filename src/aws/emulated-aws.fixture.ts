import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { test } from 'node:test';
import { silentLog } from '../runtime/log.ts';
import { seededRandom } from '../runtime/random.ts';
import { type VirtualClock, virtualClock } from '../runtime/virtual-clock.ts';
import { createElbv2 } from '../sandbox/elbv2/elbv2.ts';
import { type Fault, withFaults } from '../sandbox/elbv2/faults.ts';
import { sdkRequestHandler } from '../sandbox/elbv2/sdk-request-handler.ts';
import { type Profile, profileSettings } from '../sandbox/elbv2/settings.ts';
import type { Network } from '../sandbox/network.ts';
import { createBudget } from './budget.ts';
import { type AttemptReport, createElbv2Api } from './create-elbv2-api.ts';
import { type BudgetRows, documentedBudget, unlimitedBudget } from './documented-budget.ts';
import type { RequestHandler } from './elbv2-client.ts';
import { createInventory } from './inventory.ts';
import { createPortProvider } from './port-provider.ts';

/** The AWS half on an emulator in virtual time, for the tests of this folder. */
export function emulatedAws(
  options: {
    profile?: Profile;
    set?: Record<string, string>;
    faults?: Fault[];
    budget?: BudgetRows;
    seed?: number;
    clusterId?: string;
    attemptTimeoutMs?: number;
    /** Stands between the product and the emulator. */
    wrap?: (inner: RequestHandler) => RequestHandler;
  } = {},
) {
  const { profile = 'instant', seed = 1, clusterId = 'cluster-1' } = options;
  const clock = virtualClock();
  const random = seededRandom(seed);
  const log = silentLog();
  const settings = profileSettings(profile, { 'data-plane': 'off', 'health-checks': 'off', ...options.set });
  const emulator = createElbv2({ clock, random: seededRandom(seed + 1), network: noNetwork, log, settings });
  const faults = withFaults({ handle: emulator.handle, clock, random, faults: options.faults ?? [] });
  const inner = sdkRequestHandler(faults.handle) as unknown as RequestHandler;
  const budget = createBudget(
    { clock, random, log },
    options.budget ?? (profile === 'instant' ? unlimitedBudget : documentedBudget),
  );
  const attempts: AttemptReport[] = [];
  const api = createElbv2Api({
    clock,
    random,
    log,
    budget,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' },
    requestHandler: options.wrap?.(inner) ?? inner,
    observer: report => attempts.push(report),
    ...(options.attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs: options.attemptTimeoutMs }),
  });

  /** A call of someone else, past faults and the product; answers the body. */
  async function someoneElse(action: string, parameters: Record<string, string> = {}): Promise<string> {
    const date = `${new Date(clock.nowMs()).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
    const scope = `AKIAOTHER/${date.slice(0, 8)}/us-east-1/elasticloadbalancing/aws4_request`;
    const answer = await emulator.handle({
      method: 'POST',
      path: '/',
      headers: {
        'x-amz-date': date,
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=00`,
      },
      body: new URLSearchParams({ Action: action, Version: '2015-12-01', ...parameters }).toString(),
    });
    assert.equal(answer.status, 200, answer.body);
    return answer.body;
  }

  return {
    clock,
    emulator,
    faults,
    budget,
    attempts,
    api,
    provider: createPortProvider({ api, clock, clusterId }),
    inventory: createInventory({ api, clusterId }),
    someoneElse,
    /** Makes a load balancer of the given type; answers its ARN. */
    async loadBalancer(name: string, tags: Record<string, string> = {}, type = 'network'): Promise<string> {
      const tagParameters = Object.entries(tags).flatMap(([key, value], index) => [
        [`Tags.member.${index + 1}.Key`, key],
        [`Tags.member.${index + 1}.Value`, value],
      ]);
      const body = await someoneElse('CreateLoadBalancer', {
        Name: name,
        Type: type,
        'Subnets.member.1': 'subnet-1',
        ...(type === 'application' ? { 'Subnets.member.2': 'subnet-2' } : {}),
        ...Object.fromEntries(tagParameters),
      });
      return textOf(body, 'LoadBalancerArn');
    },
    /** Actions of the mutating calls that reached the emulator, in order. */
    mutations: () => emulator.callLog.entries.filter(call => call.mutating).map(call => call.action),
  };
}

export type EmulatedAws = ReturnType<typeof emulatedAws>;

/** Moves virtual time until `promise` is settled, at most `limitMs` of it. */
export async function inTime<T>(clock: VirtualClock, promise: Promise<T>, limitMs = 600_000): Promise<T> {
  let settled = false;
  const watched = promise.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  assert.ok(await clock.advanceUntil(() => settled, limitMs), `not settled within ${limitMs} ms of virtual time`);
  return watched;
}

/** The text of the first element of that name. */
export function textOf(xml: string, element: string): string {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1];
  assert.ok(text !== undefined, `no <${element}> in ${xml}`);
  return text;
}

const refuse = () => Promise.reject(Object.assign(new Error('there is no network here'), { code: 'ECONNREFUSED' }));
const noNetwork = new Proxy({} as Network, { get: () => refuse });

test('the AWS half and the emulator talk in one process with no file, socket or timer of the machine', async () => {
  const aws = emulatedAws({ profile: 'throttled' });
  const arn = await aws.loadBalancer('game-1');
  const waitedFor: string[] = [];
  const hook = createHook({ init: (_, type) => waitedFor.push(type) }).enable();
  let answer: Awaited<ReturnType<typeof describeAll>>;
  const describeAll = () => aws.api.call('DescribeLoadBalancers', {}, { priority: 'audit' });
  try {
    // The first call of a client is the one that looks things up.
    answer = await describeAll();
  } finally {
    hook.disable();
  }
  assert.equal(answer.LoadBalancers?.[0]?.LoadBalancerArn, arn);
  // The SDK draws the random id of an invocation, at once, and the product takes it off again.
  const inProcess = ['PROMISE', 'Microtask', 'RANDOMBYTESREQUEST'];
  assert.deepEqual(
    waitedFor.filter(type => !inProcess.includes(type)),
    [],
  );
});
