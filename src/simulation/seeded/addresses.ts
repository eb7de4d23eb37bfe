import type { Clock } from '../../runtime/clock.ts';
import type { Draw } from './draw.ts';

/** The addresses that pods of a world have, one after another. */
export interface Addresses {
  /** One that nobody has: often one that somebody had. */
  take(): string;
  giveBack(ip: string): void;
}

/** The VPC CNI gives an address to another pod after this at the earliest (IP_COOLDOWN_PERIOD). */
const addressRestMs = 30_000;

/** Makes the addresses of one world. */
export function createAddresses({ clock, draw }: { clock: Clock; draw: Draw }): Addresses {
  const inUse = new Set<string>();
  const restingUntilMs = new Map<string, number>();
  let started = 0;

  return {
    take() {
      const nowMs = clock.nowMs();
      const used = [...restingUntilMs].filter(([ip, untilMs]) => untilMs <= nowMs && !inUse.has(ip)).map(([ip]) => ip);
      // The address that was given back longest ago is the last choice: reuse is what hurts.
      let ip = used.length > 0 && draw.chance(0.7) ? used.at(-1) : undefined;
      if (ip === undefined) {
        started += 1;
        ip = `10.0.${started >> 8}.${started & 255}`;
      }
      inUse.add(ip);
      return ip;
    },
    giveBack(ip) {
      inUse.delete(ip);
      restingUntilMs.delete(ip);
      restingUntilMs.set(ip, clock.nowMs() + addressRestMs);
    },
  };
}
