import type { Clock } from '../../runtime/clock.ts';
import { ipv4Number, ipv4Text } from '../network-map.ts';

/** Addresses for pods: the lowest one that is free, where a released one stays unused for a while. */
export interface PodAddresses {
  /** Undefined where none is free now. */
  take(): string | undefined;
  release(ip: string): void;
  readonly taken: number;
}

export interface PodAddressOptions {
  /** @default '10.0.1.5' */
  first?: string;
  /** How many there are, from the first upwards. @default 60000 */
  count?: number;
  /** How long a released one is left alone, milliseconds. @default 30000, the VPC CNI's IP_COOLDOWN_PERIOD */
  cooldownMs?: number;
}

/** Makes the pool. */
export function createPodAddresses(deps: { clock: Clock }, options: PodAddressOptions = {}): PodAddresses {
  const first = ipv4Number(options.first ?? '10.0.1.5');
  if (first === undefined) throw new RangeError(`"${options.first}" is no IPv4 address.`);
  const { count = 60_000, cooldownMs = 30_000 } = options;
  let unused = 0;
  const held = new Set<number>();
  /** Released ones in the order of their release. */
  const cooling: { offset: number; freeAtMs: number }[] = [];
  const free: number[] = [];

  function thaw(): void {
    const nowMs = deps.clock.monotonicMs();
    while (cooling.length > 0 && cooling[0]!.freeAtMs <= nowMs) insert(free, cooling.shift()!.offset);
  }

  return {
    get taken() {
      return held.size;
    },
    take() {
      thaw();
      const offset = free.shift() ?? (unused < count ? unused++ : undefined);
      if (offset === undefined) return undefined;
      held.add(offset);
      return ipv4Text((first + offset) >>> 0);
    },
    release(ip) {
      const offset = (ipv4Number(ip) ?? -1) - first;
      if (!held.delete(offset)) return;
      cooling.push({ offset, freeAtMs: deps.clock.monotonicMs() + cooldownMs });
    },
  };
}

function insert(sorted: number[], value: number): void {
  let at = sorted.length;
  while (at > 0 && sorted[at - 1]! > value) at--;
  sorted.splice(at, 0, value);
}
