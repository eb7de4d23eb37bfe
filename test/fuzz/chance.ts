import { type Random, randomInt } from '../../src/runtime/random.ts';

/** Whether something of this probability happens. */
export function happens(random: Random, probability: number): boolean {
  return random.next() < probability;
}

/** One of a list. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomInt(random, 0, list.length - 1)]!;
}

const oddTexts = [
  '',
  ' ',
  '0',
  '-1',
  '1.5',
  '1e309',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '*',
  '%',
  '%00',
  '%zz',
  '..',
  '../../etc',
  '/',
  '~1~0~',
  '\u0000',
  '\ud800',
  'é\u202e値🎲',
  '<a>&amp;</a>',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '9007199254740993',
  '99999999999999999999999',
  '(a+)+$',
  'a,b in (c',
  '!a',
  'a=b,,=',
  '2026-13-45T99:99:99Z',
];

/** A text that programs often stumble over; now and then a long one. */
export function oddText(random: Random): string {
  if (happens(random, 0.03))
    return pick(random, ['A', '値', '%', '[', '{"a":', '*?']).repeat(randomInt(random, 1, 20_000));
  return pick(random, oddTexts);
}

/** A JSON value that programs often stumble over. */
export function oddValue(random: Random): unknown {
  const values: readonly unknown[] = [
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    1e300,
    [],
    {},
    [null],
    [[]],
    { '': null },
    [{}, {}],
    { name: null },
    oddText(random),
  ];
  return pick(random, values);
}

/** A copy in which one value somewhere inside was replaced, removed, doubled or added. */
export function mutated(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || happens(random, 0.05)) return oddValue(random);
  if (Array.isArray(value)) {
    if (value.length === 0 || happens(random, 0.1)) return [...value, oddValue(random)];
    const at = randomInt(random, 0, value.length - 1);
    if (happens(random, 0.1)) return [...value, value[at]];
    return value.map((each, index) => (index === at ? mutated(random, each) : each));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || happens(random, 0.15))
    return Object.fromEntries([...entries, [oddText(random), oddValue(random)]]);
  const at = randomInt(random, 0, entries.length - 1);
  if (happens(random, 0.1)) return Object.fromEntries(entries.filter((_, index) => index !== at));
  return Object.fromEntries(entries.map(([key, each], index) => [key, index === at ? mutated(random, each) : each]));
}
