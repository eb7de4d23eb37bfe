import type { WrittenOptions } from '../../operator/options.ts';
import type { Profile } from '../../sandbox/elbv2/settings.ts';
import type { Draw } from './draw.ts';

/** What a run is about, before anything happens in it. */
export interface Scenario {
  /** For so long people act and things go wrong, milliseconds. */
  activeMs: number;
  /** Between two acts of people, on average, milliseconds. */
  betweenActsMs: number;
  loadBalancers: string[];
  profile: Profile;
  /** Settings of the emulated AWS. */
  settings: Record<string, string>;
  pools: { name: string; spec: Record<string, unknown> }[];
  /** Names that rooms have: few, so that they come again. */
  rooms: string[];
  /** Names that Services have; none: nobody makes any. */
  services: readonly string[];
  /** Whether some rooms ask for two or three ports. */
  severalPorts: boolean;
  /** What `release.retain` may be; empty: nothing is retained. */
  retains: string[];
  /** How many operators run at a time, and with what options. */
  operators: number;
  options: WrittenOptions;
  /** How far a wall clock may be off, milliseconds; 0: never. */
  skewMs: number;
  /** Whether people lay hands on what is the operator's. */
  byHand: boolean;
  /** A call to AWS may be under way for so long, milliseconds. */
  lateCallMs: number;
  /** Whether AWS's own buckets judge the run: one operator that never dies, and no call of a person. */
  budgetJudged: boolean;
}

/** The ports on which every game server of a run listens. */
export const servedPorts = [7777, 7778, 7779] as const;

const signatureAgeMs = 10_000;
/** What is made by a call this late is found without an audit. */
const shortLateCallMs = 900;

/** Draws a scenario: few ports and many who want them, so that everything meets everything. */
export function drawScenario(draw: Draw, streams: (name: string) => Draw): Scenario {
  const budgetJudged = draw.chance(0.1);
  const loadBalancers = draw.chance(0.4) ? ['game-1', 'game-2'] : ['game-1'];
  const operators = budgetJudged || draw.chance(0.6) ? 1 : 2;
  const elected = draw.chance(0.4);
  const sets = streams('several ports');
  const severalPorts = !budgetJudged && sets.chance(0.35);
  const fewPorts = budgetJudged ? draw.int(8, 12) : draw.int(1, 3);
  const fleets = streams('Services');
  // A Service may well have the name of a room.
  const services: readonly string[] =
    !budgetJudged && fleets.chance(0.3) ? fleets.oneOf([['room-1'], ['room-1', 'shop']]) : [];
  // Room for one or two sets, and some more.
  const ports = (severalPorts ? sets.int(2, 5) : fewPorts) + services.length;
  const protocol = draw.oneOf(['UDP', 'TCP_UDP']);
  const retentions = streams('retention');
  const retains = !budgetJudged && retentions.chance(0.3) ? ['20s', '90s'] : [];
  const pools = [{ name: 'game', spec: poolSpec(draw, protocol, 30_000, ports) }];
  if (!budgetJudged && draw.chance(0.3))
    pools.push({ name: 'lobby', spec: poolSpec(draw, protocol, 31_000, draw.int(1, 2)) });
  if (services.length > 0) pools[0]!.spec.default = fleets.chance(0.7);
  if (retains.length > 0) {
    for (const { spec } of pools) Object.assign(spec.release as object, { retain: retentions.oneOf(retains) });
  }
  const audits = streams('audits');
  // Elsewhere it is rare, so that it does not mend what should not have gone wrong.
  const audited = !budgetJudged && audits.chance(0.25);
  const hands = streams('people who lay hands on AWS');
  const byHand = !budgetJudged && hands.chance(0.25);
  const lateness = streams('late calls');
  const lateCallMs = !budgetJudged && lateness.chance(0.25) ? signatureAgeMs : shortLateCallMs;
  const paging = streams('short pages');
  const pageSize = !budgetJudged && paging.chance(0.3) ? paging.int(1, 3) : undefined;
  if (lateCallMs > shortLateCallMs) for (const { spec } of pools) lengthenQuarantine(spec);
  const capacity = loadBalancers.length * ports;
  const rooms = budgetJudged ? capacity : Math.min(8, capacity + draw.int(0, 2));
  return {
    activeMs: draw.int(60, draw.chance(0.15) ? 600 : 240) * 1_000,
    betweenActsMs: draw.oneOf([1_500, 4_000, 8_000]),
    loadBalancers,
    profile: budgetJudged ? 'throttled' : 'instant',
    settings: {
      // What is held up longer dies of its signature's age.
      'signature-age': `${signatureAgeMs}ms`,
      ...(pageSize === undefined ? {} : { 'page-size': String(pageSize) }),
      'stale-read-delay': draw.oneOf(['0s', '0s', '0s-2s']),
      'in-use-delay': draw.oneOf(['0s', '0s', '2s-6s']),
      'registration-delay': draw.oneOf(['0s', '1s-8s']),
      'deregistration-delay': draw.oneOf(['0s', '1s-8s']),
    },
    pools,
    rooms: Array.from({ length: rooms }, (_, at) => `room-${at + 1}`),
    services,
    severalPorts,
    retains,
    operators,
    options: {
      'leader-elect': String(elected),
      'lease-duration': '6s',
      'pool-resync': '20s',
      'conflict-retry': '15s',
      // What was done by hand, or late, is the audit's to find.
      ...(audited || byHand || lateCallMs > shortLateCallMs ? { 'audit-interval': audits.oneOf(['10s', '25s']) } : {}),
      ...(budgetJudged ? { 'health-first-look': '5s' } : {}),
    },
    skewMs: !budgetJudged && draw.chance(0.2) ? 2_000 : 0,
    byHand,
    lateCallMs,
    budgetJudged,
  };
}

/** What may still arrive must not outlast the rest of a port. */
export function lengthenQuarantine(spec: Record<string, unknown>): void {
  const release = spec.release as { quarantine?: string } | undefined;
  if (release?.quarantine === '3s') release.quarantine = '20s';
}

function poolSpec(draw: Draw, protocol: string, min: number, ports: number): Record<string, unknown> {
  return {
    ports: { min, max: min + ports - 1 },
    protocol,
    warm: draw.int(0, 2),
    targets: { deregistrationDelay: draw.oneOf(['0s', '2s', '5s']) },
    release: { on: draw.oneOf(['Ended', 'Ended', 'Terminating']), quarantine: draw.oneOf(['3s', '20s', '30s']) },
  };
}
