import type { KubeFault } from '../../sandbox/cluster/faults.ts';
import type { Fault } from '../../sandbox/elbv2/faults.ts';
import type { Io, IoFault, WireOptions } from '../wires.ts';
import type { OperatorProcess, World } from '../world.ts';
import type { Draw } from './draw.ts';
import type { Scenario } from './scenario.ts';

/** Everything that goes wrong in a run, and the operators it goes wrong with. */
export interface Trouble {
  /** Starts the operators, and lays out what is to befall them. */
  begin(): void;
  /** Ends all of it: the operators run, everything answers, the clocks are right. */
  end(): void;
  /** The run is over: who dies now is not replaced. */
  leave(): void;
  /** How long a process has stood still that stands, or did until a moment ago, milliseconds: so old is what it believes. */
  stoodStillMs(): number;
  /** How often each kind has struck. */
  readonly counts: ReadonlyMap<string, number>;
  /** What this run may meet, in words. */
  readonly kinds: readonly string[];
}

/** Shares of requests that a fault strikes. */
type Rates = { readonly [K in 'unsent' | 'unanswered' | 'doubled' | 'arrives late' | 'answers late' | 'dies']: number };

const windowKinds = [
  'aws throttles',
  'aws answers 5xx',
  'aws loses answers',
  'aws reads late',
  'kubernetes answers 5xx',
  'kubernetes throttles',
  'kubernetes loses answers',
  'watches are cut',
  'watches expire',
  'watches are slow',
  'the api server restarts',
  'a process is killed',
  'a process stands still',
  'a clock jumps',
] as const;
type WindowKind = (typeof windowKinds)[number];

/** A process that has stood still has done what it believed by then, and knows better. */
const wakingMs = 30_000;

/** Draws what goes wrong: each run has some kinds of trouble and not others, so that each is met alone and together. */
export function createTrouble(deps: {
  world: World;
  draw: Draw;
  /** Of what goes astray. */
  strays: Draw;
  /** Of listings that fail after their first page. */
  paging: Draw;
  scenario: Scenario;
  say: (line: string) => void;
}): Trouble {
  const { world, draw, strays, paging, scenario, say } = deps;
  const { clock } = world;
  const counts = new Map<string, number>();
  const count = (kind: string, by = 1) => void counts.set(kind, (counts.get(kind) ?? 0) + by);
  const quiet = scenario.budgetJudged;
  const drawRate = (share: number, most: number) => (!quiet && draw.chance(share) ? draw.random.next() * most : 0);
  const drawRates = (): Rates => ({
    unsent: drawRate(0.35, 0.1),
    unanswered: drawRate(0.35, 0.1),
    doubled: drawRate(0.35, 0.1),
    'arrives late': drawRate(0.3, 0.1),
    'answers late': drawRate(0.3, 0.1),
    dies: drawRate(0.3, 0.01),
  });
  const rates = { kubernetes: drawRates(), aws: drawRates() };
  const strayRate = !quiet && strays.chance(0.35) ? strays.random.next() * 0.1 : 0;
  const kinds = quiet ? [] : windowKinds.filter(kind => draw.chance(kind === 'a clock jumps' ? 0 : 0.25));
  if (scenario.skewMs > 0) kinds.push('a clock jumps');
  const watchMs = draw.oneOf([
    [1, 20],
    [1, 20],
    [1, 500],
    [100, 3_000],
  ] as const);

  const active = { aws: new Set<Fault>(), kube: new Set<KubeFault>() };
  const running = new Set<OperatorProcess>();
  const stands: { fromMs: number; untilMs: number }[] = [];
  let isOver = false;
  let isGone = false;

  function strike(io: Io): IoFault | undefined {
    if (isOver) return undefined;
    if (strayRate > 0 && io.side === 'kubernetes' && io.mutating && strays.chance(strayRate)) {
      count('goes astray (kubernetes)');
      return { straysMs: strays.int(50, 15_000) };
    }
    let drawn = draw.random.next();
    for (const [kind, rate] of Object.entries(rates[io.side])) {
      drawn -= rate;
      if (drawn >= 0) continue;
      count(`${kind} (${io.side})`);
      switch (kind as keyof Rates) {
        case 'arrives late':
          return { arrivesLateMs: draw.int(50, io.side === 'aws' ? scenario.lateCallMs : 15_000) };
        case 'answers late':
          return { answersLateMs: draw.int(50, 8_000) };
        case 'dies':
          return draw.chance(0.5) ? 'dies before' : 'dies after';
        default:
          return kind as 'unsent' | 'unanswered' | 'doubled';
      }
    }
    return undefined;
  }

  function start(): void {
    const wires: WireOptions = {
      watchMs,
      fault: strike,
      onDeath: () => replace('is dead'),
    };
    const process = world.startOperator(scenario.options, wires);
    running.add(process);
    void process.ended.then(() => replace('ended by itself'));

    /** As the kubelet does. */
    function replace(why: string): void {
      if (!running.delete(process)) return;
      say(`an operator ${why}`);
      clock.after(draw.int(100, 15_000), startMissing);
    }
  }

  function startMissing(): void {
    if (isGone) return;
    while (running.size < scenario.operators) {
      say('an operator starts');
      start();
    }
  }

  const apply = () => {
    world.awsFaults.set([...active.aws]);
    world.kubeFaults.set([...active.kube]);
  };

  function during<T>(set: Set<T>, fault: T, forMs: number): void {
    set.add(fault);
    apply();
    clock.after(forMs, () => {
      collect();
      set.delete(fault);
      apply();
    });
  }

  /** Adds up what the rules have struck, before they are replaced. */
  function collect(): void {
    for (const { kind, struck } of world.awsFaults.list()) count(`${kind} (aws, for a while)`, struck);
    for (const { kind, struck } of world.kubeFaults.list()) count(`${kind} (kubernetes, for a while)`, struck);
  }

  /** What each kind does, for so long, to that share of what it strikes. */
  const blows: Record<WindowKind, (forMs: number, probability: number) => void> = {
    'aws throttles': (forMs, probability) => during(active.aws, { kind: 'throttle', probability }, forMs),
    'aws answers 5xx': (forMs, probability) =>
      during(active.aws, { kind: draw.oneOf(['error', 'lost-error']), probability }, forMs),
    'aws loses answers': (forMs, probability) =>
      during(active.aws, { kind: draw.oneOf(['lost', 'dropped']), probability }, forMs),
    'aws reads late': (forMs, probability) =>
      during(active.aws, { kind: 'stale', probability, delayMs: draw.int(200, 2_000) }, forMs),
    'kubernetes answers 5xx': (forMs, probability) =>
      during(active.kube, { kind: draw.oneOf(['error', 'lost-error']), probability }, forMs),
    'kubernetes throttles': (forMs, probability) => during(active.kube, { kind: 'throttle', probability }, forMs),
    'kubernetes loses answers': (forMs, probability) =>
      during(active.kube, { kind: draw.oneOf(['lost', 'dropped', 'hang']), probability, delayMs: 12_000 }, forMs),
    'watches are cut': forMs =>
      during(active.kube, { kind: draw.oneOf(['cut', 'end']), delayMs: draw.int(100, 4_000) }, forMs),
    'watches expire': (forMs, probability) => during(active.kube, { kind: 'expired', probability }, forMs),
    'watches are slow': forMs => during(active.kube, { kind: 'slow', delayMs: draw.int(100, 2_000) }, forMs),
    'the api server restarts': () =>
      world.cluster.cutWatches(Object.assign(new Error('The connection was reset'), { code: 'ECONNRESET' })),
    'a process is killed': () => anyProcess()?.kill(),
    'a process stands still': forMs => {
      const victim = anyProcess();
      const standsMs = draw.oneOf([1, 2, 6]) * forMs;
      victim?.clock.pause();
      clock.after(standsMs, () => victim?.clock.resume());
      if (victim) stands.push({ fromMs: clock.nowMs(), untilMs: clock.nowMs() + standsMs });
    },
    'a clock jumps': () => anyProcess()?.clock.setSkew(draw.int(-scenario.skewMs, scenario.skewMs)),
  };

  const anyProcess = () => (running.size === 0 ? undefined : draw.oneOf([...running]));

  function befall(kind: WindowKind): void {
    if (isOver) return;
    const forMs = draw.int(2_000, 30_000);
    const probability = draw.oneOf([0.3, 0.7, 1]);
    say(`${kind} for ${forMs} ms (${probability})`);
    collect();
    count(kind);
    blows[kind](forMs, probability);
  }

  function failLaterPages(): void {
    if (isOver || quiet) return;
    const forMs = paging.int(2_000, 40_000);
    const probability = paging.oneOf([0.5, 1]);
    say(`aws fails after the first page for ${forMs} ms (${probability})`);
    collect();
    count('aws fails after the first page');
    during(
      active.aws,
      { kind: paging.oneOf(['error', 'dropped', 'throttle']), contains: 'Marker=', probability },
      forMs,
    );
  }

  return {
    counts,
    stoodStillMs() {
      const nowMs = clock.nowMs();
      const recent = stands.filter(({ untilMs }) => nowMs < untilMs + wakingMs);
      return Math.max(0, ...recent.map(({ fromMs, untilMs }) => Math.min(nowMs, untilMs) - fromMs));
    },
    get kinds() {
      const wires = Object.entries(rates).flatMap(([side, of]) =>
        Object.entries(of).flatMap(([kind, rate]) => (rate > 0 ? [`${kind} (${side}, ${rate.toFixed(3)})`] : [])),
      );
      if (strayRate > 0) wires.push(`goes astray (kubernetes, ${strayRate.toFixed(3)})`);
      return [...kinds, ...wires, `watches ${watchMs.join('-')} ms`];
    },
    begin() {
      startMissing();
      if ('page-size' in scenario.settings) {
        for (let times = paging.int(1, 4); times > 0; times--) {
          clock.after(paging.int(0, scenario.activeMs), failLaterPages);
        }
      }
      for (const kind of kinds) {
        for (let times = draw.int(1, 3); times > 0; times--) {
          clock.after(draw.int(0, scenario.activeMs), () => befall(kind));
        }
      }
    },
    leave() {
      isGone = true;
    },
    end() {
      isOver = true;
      collect();
      active.aws.clear();
      active.kube.clear();
      apply();
      for (const stand of stands) stand.untilMs = Math.min(stand.untilMs, clock.nowMs());
      for (const { clock: own } of running) {
        own.setSkew(0);
        own.resume();
      }
      startMissing();
    },
  };
}
