import { namespaces } from '../../kube/resource.ts';
import { seededRandom } from '../../runtime/random.ts';
import type { ApiObject } from '../../sandbox/cluster/json.ts';
import { allInvariants } from '../checkers/all-invariants.ts';
import type { Change, Checker, Scene } from '../checkers/invariant.ts';
import { createWorld, type OperatorCall, type World } from '../world.ts';
import { drawFrom, streamsOf } from './draw.ts';
import { createPeople } from './people.ts';
import { drawScenario, type Scenario } from './scenario.ts';
import { createTrouble } from './trouble.ts';

/** An invariant that did not hold. */
export interface Broken {
  invariant: string;
  what: string;
  /** Since the beginning of the run, virtual milliseconds. */
  atMs: number;
}

/** What became of one seed. */
export interface Played {
  seed: number;
  /** Empty where every invariant held. */
  broken: Broken[];
  /** Of everything that happened: two runs of one seed have the same. */
  hash: string;
  virtualMs: number;
  acts: number;
  /** Faults that struck, by kind. */
  faults: Record<string, number>;
  /** What the run was about, in words. */
  about: string[];
  /** Everything that happened, with its virtual times. */
  trace: readonly string[];
}

/**
 * After the faults have stopped, the world must be at rest within this: more than any backoff of the product, and less
 * than the time between two audits, which would mend what should not have gone wrong. Only a target group without a
 * listener, which an audit at the beginning of leading has seen as an orphan, goes within it.
 */
const settleMs = 540_000;
/** It is looked at once more after this: longer than the product waits between two listings. */
const restMs = 65_000;

/** Plays the run that a seed stands for, until it has come to rest or an invariant is broken. */
export async function playSeed(seed: number): Promise<Played> {
  // Each part has a stream of its own, so that a change in one does not change what the others draw.
  const drawOf = (part: number) => drawFrom(seededRandom(seed * 1_000 + 500 + part));
  const streams = streamsOf(seed);
  const scenario = drawScenario(drawOf(1), streams);
  const broken: Broken[] = [];
  let changes = 0;
  let checkers: { invariant: string; checker: Checker }[] = [];
  const world = await createWorld({
    seed,
    profile: scenario.profile,
    set: scenario.settings,
    loadBalancers: scenario.loadBalancers,
    // Whether or not it is let: what is not ours is not to be tried.
    onRefused: what => complain('hands off')(`${what} was asked for, and is not allowed`),
    onOperatorCall(call) {
      const action = actionOf(call);
      if (!action.startsWith('Describe')) changes += 1;
      for (const { checker } of checkers) checker.onCall?.(call, action);
    },
  });
  const startMs = world.clock.nowMs();
  const complain = (invariant: string) => (what: string) => {
    broken.push({ invariant, what, atMs: world.clock.nowMs() - startMs });
    world.trace.add(`BROKEN ${invariant}: ${what}`);
  };
  const touchedMs = new Map<string, number>();
  const onTouched = (name: string) => void touchedMs.set(name, world.clock.nowMs());
  const follow = followWorld(world, scenario, () => checkers, touchedMs);
  checkers = allInvariants.map(({ name, check }) => ({
    invariant: name,
    checker: check({ ...follow, stoodStillMs: () => trouble.stoodStillMs(), complain: complain(name) }),
  }));

  const say = (line: string) => world.trace.add(line);
  const people = createPeople({ world, draw: drawOf(2), streams, scenario, onTouched, say });
  const trouble = createTrouble({
    world,
    draw: drawOf(3),
    strays: drawOf(5),
    paging: streams('failing pages'),
    scenario,
    say,
  });
  const pace = drawOf(4);

  await world.kube.create(namespaces, { metadata: { name: 'nlbports-system' } });
  for (const { name, spec } of scenario.pools) await world.pool(name, spec);
  await people.start();
  trouble.begin();
  const endMs = startMs + scenario.activeMs;
  while (world.clock.nowMs() < endMs && broken.length === 0) {
    await people.act();
    await world.clock.advance(pace.chance(0.3) ? pace.int(0, 300) : pace.int(0, 2 * scenario.betweenActsMs));
  }
  trouble.end();
  await people.calmDown();
  say('the faults are over');
  await comeToRest('with its rooms');
  if (broken.length === 0) {
    const deleted = await people.leave();
    await comeToRest('when everyone has left', () => (deleted ? stillThere(world) : []));
  }
  const faults = Object.fromEntries([...trouble.counts].toSorted());
  trouble.leave();
  await people.end();
  await world.end();
  return {
    seed,
    broken,
    hash: world.trace.hash(),
    virtualMs: world.clock.nowMs() - startMs,
    acts: people.acts,
    faults,
    about: [JSON.stringify(scenario), `trouble: ${trouble.kinds.join(', ')}`],
    trace: world.trace.lines,
  };

  /** Waits until nothing is wrong, then for a while longer, in which nothing may change any more. */
  async function comeToRest(when: string, more: () => string[] = () => []): Promise<void> {
    const untilMs = world.clock.nowMs() + settleMs;
    const wrong = () => [
      ...checkers.flatMap(({ invariant, checker }) =>
        (checker.atRest?.() ?? []).map(what => ({ invariant, what, atMs: world.clock.nowMs() - startMs })),
      ),
      ...more().map(what => ({ invariant: 'no leak', what, atMs: world.clock.nowMs() - startMs })),
    ];
    for (let stepMs = 1_000; ; stepMs = Math.min(15_000, stepMs * 1.3)) {
      await world.clock.advance(stepMs);
      if (broken.length > 0) return;
      const found = wrong();
      if (found.length === 0) {
        const before = changes;
        await world.clock.advance(restMs);
        const after = wrong();
        if (broken.length > 0) return;
        if (after.length === 0 && changes === before) return;
      }
      if (world.clock.nowMs() < untilMs) continue;
      const last =
        found.length > 0
          ? found
          : [{ invariant: 'progress', what: 'AWS is changed again and again', atMs: world.clock.nowMs() - startMs }];
      broken.push(...last.map(entry => ({ ...entry, what: `${entry.what} (not at rest ${when})` })));
      return;
    }
  }
}

/** The truth about the world, kept up to date in the turn of each write. */
function followWorld(
  world: World,
  scenario: Scenario,
  checkers: () => { checker: Checker }[],
  touchedMs: ReadonlyMap<string, number>,
): Omit<Scene, 'complain' | 'stoodStillMs'> {
  const pods = new Map();
  const ports = new Map();
  const pools = new Map();
  const services = new Map();
  const kinds = [
    { collection: 'pods', into: pods, hook: 'onPod' },
    { collection: 'services', into: services, hook: 'onService' },
    { collection: 'nlbports.nlbports.dev', into: ports, hook: 'onPort' },
    { collection: 'nlbportpools.nlbports.dev', into: pools, hook: 'onPool' },
  ] as const;
  world.cluster.follow((collection, event) => {
    const kind = kinds.find(other => other.collection === collection);
    if (!kind) return;
    if (event.deleted) kind.into.delete(event.key);
    else kind.into.set(event.key, event.current.object);
    const change: Change<ApiObject> = {
      key: event.key,
      previous: event.previous?.object,
      object: event.deleted ? undefined : event.current.object,
    };
    for (const { checker } of checkers()) checker[kind.hook]?.(change as unknown as Change<never>);
  });
  return {
    nowMs: () => world.clock.nowMs(),
    pods,
    services,
    ports,
    pools,
    aws: () => world.emulator.look()[0]!,
    clusterId: world.cluster.systemUid,
    skewMs: 2 * scenario.skewMs,
    lateCallMs: scenario.lateCallMs,
    budgetJudged: scenario.budgetJudged,
    touchedMs: name => touchedMs.get(name) ?? Number.NEGATIVE_INFINITY,
  };
}

function stillThere(world: World): string[] {
  const [aws] = world.emulator.look();
  const ours = (name: string) => name.startsWith('nlbp-');
  return [...(aws?.targetGroups.values() ?? [])]
    .filter(({ name }) => ours(name))
    .map(({ arn }) => `${arn} is still there`);
}

function actionOf({ body }: OperatorCall): string {
  return /(?:^|&)Action=(\w+)/.exec(body)?.[1] ?? '';
}
