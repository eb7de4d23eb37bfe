/** One rule of `--map-network`: addresses in `from` are dialled in `to`, keeping the host bits. */
export interface NetworkMapRule {
  readonly fromBase: number;
  readonly toBase: number;
  readonly prefixBits: number;
}

/** A rule, or what is wrong with its text. */
export type ParsedRule = { ok: true; rule: NetworkMapRule } | { ok: false; message: string };

/** Reads `10.0.0.0/8=127.0.0.0/8`. Both sides are IPv4 networks with prefixes of the same length. */
export function parseNetworkMapRule(text: string): ParsedRule {
  const sides = text.split('=');
  const from = parseCidr(sides[0] ?? '');
  const to = parseCidr(sides[1] ?? '');
  if (sides.length !== 2 || !from || !to) {
    return {
      ok: false,
      message: `Cannot read the network map "${text}": wanted two IPv4 networks as in 10.0.0.0/8=127.0.0.0/8.`,
    };
  }
  if (from.bits !== to.bits) {
    return {
      ok: false,
      message: `Cannot read the network map "${text}": both sides need the same prefix length, /${from.bits} is not /${to.bits}.`,
    };
  }
  return { ok: true, rule: { fromBase: from.base, toBase: to.base, prefixBits: from.bits } };
}

/** The address that is dialled for `host`: the longest rule that holds it, else `host` itself. */
export function networkMap(rules: readonly NetworkMapRule[]): (host: string) => string {
  if (rules.length === 0) return host => host;
  const longestFirst = [...rules].sort((a, b) => b.prefixBits - a.prefixBits);
  return host => {
    const address = ipv4Number(host);
    if (address === undefined) return host;
    for (const rule of longestFirst) {
      const mask = maskOf(rule.prefixBits);
      if ((address & mask) >>> 0 === rule.fromBase) return ipv4Text((rule.toBase | (address & ~mask)) >>> 0);
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
