// Prints how long 50 rooms take on the emulator's `throttled` profile, in virtual time: `node src/aws/budget.bench.ts`.
// The budget's own best is (50 - 20) / 4 = 7.5 s on warm ports and (150 - 20) / 3 = 43.3 s on cold ones.
import { portObjectName } from '../api/names.ts';
import { poolSpec } from '../api/pool.ts';
import { targetGroupSettings } from '../core/target-group-settings.ts';
import { sleep } from '../runtime/clock.ts';
import { seededRandom } from '../runtime/random.ts';
import type { CallPriority } from './elbv2-api.ts';
import { type EmulatedAws, emulatedAws, inTime } from './emulated-aws.fixture.ts';
import type { PortResources } from './port-provider.ts';

const rooms = 50;
const seeds = 3;
const warmLimitMs = 1.15 * 7500;
const coldLimitMs = 1.15 * 43_333;

interface Figures {
  secondsMs: number[];
  calls: number;
  throttled: number;
}

/** 50 rooms at once; `readyMs` is when each was registered. */
async function run(kind: 'warm' | 'cold', network: { minMs: number; maxMs: number }, seed: number): Promise<Figures> {
  const random = seededRandom(seed + 1000);
  const delayMs = () => network.minMs + random.next() * (network.maxMs - network.minMs);
  const aws: EmulatedAws = emulatedAws({
    profile: 'throttled',
    seed,
    wrap: inner => ({
      // Way out and way back, each with its own delay, so that calls overtake one another.
      async handle(request, options) {
        await sleep(aws.clock, delayMs() / 2);
        const answer = await inner.handle(request, options);
        await sleep(aws.clock, delayMs() / 2);
        return answer;
      },
    }),
  });
  const loadBalancerArn = await aws.loadBalancer('game-1');
  const spec = poolSpec.parse({
    loadBalancers: [{ arn: loadBalancerArn }],
    ports: { min: 30000, max: 30049 },
    protocol: 'UDP',
    access: { namespaces: ['*'] },
  });
  const resources = Array.from(
    { length: rooms },
    (_, index): PortResources => ({
      portName: portObjectName(loadBalancerArn, 30000 + index),
      pool: 'game',
      loadBalancerArn,
      vpcId: 'vpc-1',
      port: 30000 + index,
      protocol: 'UDP',
      settings: targetGroupSettings(spec),
      ipFamily: 'IPv4',
      needsFamily: false,
      tags: {},
    }),
  );

  async function provision(one: PortResources, priority: CallPriority, waitingSinceMs: number): Promise<string> {
    const options = { priority, waitingSinceMs };
    const { targetGroupArn } = unwrap(await aws.provider.createTargetGroup(one, options));
    unwrap(await aws.provider.inspectTargetGroup(one, targetGroupArn, options));
    unwrap(await aws.provider.modifyAttributes(one, targetGroupArn, options));
    unwrap(await aws.provider.createListener(one, targetGroupArn, options));
    return targetGroupArn;
  }

  const startMs = aws.clock.nowMs();
  const all = async <T>(each: (one: PortResources, index: number) => Promise<T>) =>
    inTime(aws.clock, Promise.all(resources.map(each)));
  let groups: string[] = [];
  if (kind === 'warm') {
    groups = await all((one, index) => provision(one, 'warm', startMs + index));
    await aws.clock.advance(60_000);
    aws.emulator.callLog.reset();
  }
  const bindMs = aws.clock.nowMs();
  const secondsMs = await all(async (one, index) => {
    const group = groups[index] ?? (await provision(one, 'provision', bindMs + index));
    const target = [{ ip: `10.0.1.${index}`, port: 7777 }];
    unwrap(await aws.provider.registerTargets(group, target, { priority: 'bind', waitingSinceMs: bindMs + index }));
    return aws.clock.nowMs() - bindMs;
  });
  const { calls, throttled } = aws.emulator.callLog.counts();
  await aws.emulator.close();
  return { secondsMs: secondsMs.sort((a, b) => a - b), calls, throttled };
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: { message: string } }): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
for (const [name, network] of [
  ['no network', { minMs: 0, maxMs: 0 }],
  ['1-10 ms', { minMs: 1, maxMs: 10 }],
  ['20-80 ms', { minMs: 20, maxMs: 80 }],
  ['20-300 ms', { minMs: 20, maxMs: 300 }],
] as const) {
  for (const kind of ['warm', 'cold'] as const) {
    const limitMs = kind === 'warm' ? warmLimitMs : coldLimitMs;
    let worstMs = 0;
    let medianMs = 0;
    let calls = 0;
    let throttled = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const figures = await run(kind, network, seed);
      worstMs = Math.max(worstMs, figures.secondsMs.at(-1)!);
      medianMs += figures.secondsMs[rooms >> 1]! / seeds;
      calls += figures.calls;
      throttled += figures.throttled;
    }
    const share = `${((100 * throttled) / calls).toFixed(2)} %`;
    console.log(
      `${kind}, ${name}: all ${rooms} by ${seconds(worstMs)} (limit ${seconds(limitMs)}), half by ${seconds(medianMs)}; throttled ${throttled} of ${calls} calls (${share})`,
    );
  }
}
