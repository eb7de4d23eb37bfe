import { type Random, randomInt } from '../../runtime/random.ts';
import { ipv4Text, parseCidr } from '../network-map.ts';

/** Hands out addresses of one network, none twice at a time. */
export interface AddressPool {
  /** A free address, undefined where none is left. */
  take(): string | undefined;
  give(address: string): void;
}

/**
 * Begins at a random place, so that two emulators on one machine, which don't know of each other, rarely meet; the
 * first and last address of each /24 are left out, because some systems treat them as broadcast.
 */
export function createAddressPool(deps: { random: Random; network: string }): AddressPool {
  const { base, bits } = parseCidr(deps.network)!;
  const size = 2 ** (32 - bits);
  const taken = new Set<string>();
  let next = randomInt(deps.random, 0, size - 1);
  return {
    take() {
      for (let tries = 0; tries < size; tries++) {
        const number = base + next;
        next = (next + 1) % size;
        const address = ipv4Text(number);
        const last = number & 255;
        if ((size > 2 && (last === 0 || last === 255)) || taken.has(address)) continue;
        taken.add(address);
        return address;
      }
      return undefined;
    },
    give: address => void taken.delete(address),
  };
}
