import { nlbPortPools } from '../../api/pool.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Profile } from '../elbv2/settings.ts';
import type { Network } from '../network.ts';
import { burst } from './chapters/burst.ts';
import { inheritedPort } from './chapters/inherited-port.ts';
import { movedRoom } from './chapters/moved-room.ts';
import { threeRooms } from './chapters/three-rooms.ts';
import { tidy } from './chapters/tidy.ts';
import { demoPool } from './demo-objects.ts';
import { followRooms } from './follow-rooms.ts';
import type { Sandbox } from './sandbox.ts';
import { createStage } from './stage.ts';
import { type Chapter, type Outcome, tellStory } from './story.ts';
import type { Teller } from './story-event.ts';
import { fullStory, type StorySize } from './story-size.ts';

/** The story of the sandbox. */
export function chaptersOf(size: StorySize): Chapter[] {
  return [threeRooms(size), inheritedPort(size), movedRoom, burst(size), tidy(size)];
}

/**
 * Longest wait for one step, milliseconds. `instant`: below the minute that the whole may take. `throttled`: a burst of 101 cold rooms takes 95 s of the mutating bucket and
 * as long to take down. `realistic`: as much again for registration and deregistration, 5 minutes each.
 */
export const defaultStepMs: Readonly<Record<Profile, number>> = {
  instant: 45_000,
  throttled: 300_000,
  realistic: 1_200_000,
};

export interface DemoOptions {
  profile: Profile;
  stepMs: number;
  /** Whether the story is played, or rooms are only told of. */
  story: boolean;
  /** @default fullStory */
  size?: StorySize;
  /** Aborted when the sandbox is to end. */
  signal: AbortSignal;
}

/**
 * Plays the story in a sandbox and tells it, and goes on telling of every room.
 * @throws the signal's reason, where it is aborted meanwhile.
 */
export async function runDemo(
  deps: { sandbox: Sandbox; clock: Clock; network: Network; teller: Teller },
  options: DemoOptions,
): Promise<Outcome> {
  const { sandbox, clock, teller } = deps;
  const { signal } = options;
  // In AWS a target that is healthy may still be silent for half a minute.
  const flowMs = options.profile === 'realistic' ? 60_000 : 3_000;
  const stage = createStage(deps, { stepMs: options.stepMs, flowMs, signal });
  const stopFollowing = followRooms({ view: sandbox.view, teller, clock });
  signal.addEventListener('abort', stopFollowing, { once: true });
  return options.story
    ? await tellStory({ stage, teller, clock, signal }, chaptersOf(options.size ?? fullStory))
    : { ok: true, checks: [] };
}

/** Longest wait for the ports of the pools for users, milliseconds: they are made within a second or two. */
const openMs = 15_000;

/**
 * Leaves pools with free ports for whoever stays: `game` for UDP and TCP, grown to 40 ports, and `web` for TCP, with 10.
 * Gives their names once their ports are there.
 * @throws the signal's reason, where it is aborted meanwhile.
 */
export async function openForUsers(sandbox: Sandbox, signal: AbortSignal): Promise<string[]> {
  const { kube, view, aws } = sandbox;
  const name = 'game';
  const ports = { min: 30000, max: 30039 };
  const known = view.pool(name)?.spec.loadBalancers[0];
  const loadBalancer =
    known?.arn !== undefined && known.hostname !== undefined
      ? { name: 'game-1', arn: known.arn, address: known.hostname }
      : await aws.createLoadBalancer('game-1');
  const common = { loadBalancers: [loadBalancer], quarantine: fullStory.quarantine };
  if (known) await kube.patch(nlbPortPools, { name }, { type: 'merge', body: { spec: { ports, warm: 3 } } });
  else await kube.create(nlbPortPools, demoPool({ ...common, name, ports, protocol: 'TCP_UDP' }));
  const web = { ...common, name: 'web', ports: { min: 30100, max: 30109 }, protocol: 'TCP' } as const;
  await kube.create(nlbPortPools, demoPool(web));
  const isOpen = () => view.ports(name).length >= 40 && view.ports('web').length >= 10;
  await view.until(() => (isOpen() ? true : undefined), openMs, signal);
  return [name, 'web'];
}
