import { isIPv6 } from 'node:net';

/** One rule of `--map-network`: addresses in `from` are dialled in `to`, keeping the host bits. */
export interface NetworkMapRule {
  readonly from: { readonly family: 4 | 6; readonly base: bigint };
  /** An IPv4 address. */
  readonly toBase: bigint;
  readonly hostBits: number;
}

/** A rule, or what is wrong with its text. */
export type ParsedRule = { ok: true; rule: NetworkMapRule } | { ok: false; message: string };

/**
 * Reads `10.0.0.0/8=127.0.0.0/8`, or `fd00::/104=127.0.0.0/8`: an IPv4 network to the right, to the left one of either
 * family that has as many addresses.
 */
export function parseNetworkMapRule(text: string): ParsedRule {
  const sides = text.split('=');
  const from = parseCidr(sides[0] ?? '');
  const six = parseCidr6(sides[0] ?? '');
  const to = parseCidr(sides[1] ?? '');
  if (sides.length !== 2 || !(from || six) || !to) {
    return {
      ok: false,
      message: `Cannot read the network map "${text}": wanted two IPv4 networks as in 10.0.0.0/8=127.0.0.0/8, or an IPv6 network to the left as in fd00::/104=127.0.0.0/8.`,
    };
  }
  if (from && from.bits !== to.bits) {
    return {
      ok: false,
      message: `Cannot read the network map "${text}": both sides need the same prefix length, /${from.bits} is not /${to.bits}.`,
    };
  }
  if (six && six.bits !== to.bits + 96) {
    return {
      ok: false,
      message: `Cannot read the network map "${text}": both sides need as many addresses, /${six.bits} is not /${to.bits + 96}.`,
    };
  }
  const base = six?.base ?? BigInt(from?.base ?? 0);
  const rule = { from: { family: six ? 6 : 4, base }, toBase: BigInt(to.base), hostBits: 32 - to.bits } as const;
  return { ok: true, rule };
}

/** The address that is dialled for `host`: the longest rule that holds it, else `host` itself. */
export function networkMap(rules: readonly NetworkMapRule[]): (host: string) => string {
  if (rules.length === 0) return host => host;
  const longestFirst = [...rules].sort((a, b) => a.hostBits - b.hostBits);
  return host => {
    const four = ipv4Number(host);
    const address = four === undefined ? ipv6Number(host) : BigInt(four);
    if (address === undefined) return host;
    for (const { from, toBase, hostBits } of longestFirst) {
      if ((from.family === 4) !== (four !== undefined)) continue;
      const bits = BigInt(hostBits);
      if ((address >> bits) << bits === from.base) return ipv4Text(Number(toBase | BigInt.asUintN(hostBits, address)));
    }
    return host;
  };
}

/** An IPv4 network as number and prefix length; the host bits cleared. Undefined where `text` is none. */
export function parseCidr(text: string): { base: number; bits: number } | undefined {
  const [host, bitsText, more] = text.split('/');
  const address = ipv4Number(host ?? '');
  if (address === undefined || more !== undefined || !/^\d{1,2}$/.test(bitsText ?? '')) return undefined;
  const bits = Number(bitsText);
  if (bits > 32) return undefined;
  return { base: (address & maskOf(bits)) >>> 0, bits };
}

function parseCidr6(text: string): { base: bigint; bits: number } | undefined {
  const [host, bitsText, more] = text.split('/');
  const address = ipv6Number(host ?? '');
  if (address === undefined || more !== undefined || !/^\d{1,3}$/.test(bitsText ?? '')) return undefined;
  const bits = Number(bitsText);
  const hostBits = BigInt(128 - bits);
  return bits > 128 ? undefined : { base: (address >> hostBits) << hostBits, bits };
}

/** An IPv6 address as a number, undefined where `text` is none. */
function ipv6Number(text: string): bigint | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined;
  // A URL writes it in groups of hexadecimal digits, whatever way it was written.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string | undefined) => (part ? part.split(':') : []);
  const [first, last] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - first.length - last.length).fill('0');
  return [...first, ...zeros, ...last].reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n);
}

/** A dotted IPv4 address as an unsigned number, undefined where `text` is none. */
export function ipv4Number(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  let number = 0;
  for (const part of match.slice(1)) {
    const byte = Number(part);
    if (byte > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    number = number * 256 + byte;
  }
  return number;
}

/** The dotted form of an unsigned number. */
export function ipv4Text(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
}

function maskOf(bits: number): number {
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}
