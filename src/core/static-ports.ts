import type { PortWish } from '../api/claim.ts';
import { failure, type Result } from '../api/errors.ts';
import { staticPortAnnotation } from '../api/names.ts';
import type { NLBPortPool } from '../api/pool.ts';

/**
 * The wishes with the numbers that the annotation `nlbports.dev/static-port` fixes: `30007` for a claim of one port,
 * `game=30007,voice=30008` for some or all ports by their names. Errors: MalformedStaticPort, PortNotInRange.
 */
export function withStaticPorts(
  wishes: readonly PortWish[],
  text: string | undefined,
  pool: NLBPortPool,
): Result<PortWish[]> {
  if (text === undefined) return { ok: true, value: [...wishes] };
  const numbers = new Map<string, number>();
  const { min, max } = pool.spec.ports;
  for (const entry of text.split(',', wishes.length + 1).map(part => part.trim())) {
    const match = /^(?:([a-z0-9-]{1,63})=)?([1-9][0-9]{0,4})$/.exec(entry);
    if (!match) return malformed(text, 'a number such as 30007, or name=number for each port');
    const [, name = wishes.length === 1 ? wishes[0]?.name : undefined, digits = ''] = match;
    if (name === undefined) return malformed(text, 'name=number where the pod has several ports');
    if (!wishes.some(wish => wish.name === name))
      return malformed(text, `the name of a port of the pod, not "${name}"`);
    const number = Number(digits);
    if (numbers.has(name) || [...numbers.values()].includes(number)) {
      return malformed(text, 'each name and each number once');
    }
    if (number < min || number > max) {
      return failure(
        'PortNotInRange',
        `Cannot claim port ${number} of pool "${pool.metadata.name}": its ports are ${min} to ${max}`,
      );
    }
    numbers.set(name, number);
  }
  return {
    ok: true,
    value: wishes.map(wish => {
      const number = numbers.get(wish.name);
      return number === undefined ? wish : { ...wish, number };
    }),
  };
}

function malformed(text: string, wanted: string) {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return failure(
    'MalformedStaticPort',
    `Cannot read the annotation ${staticPortAnnotation} "${shown}": wanted ${wanted}`,
  );
}
