/** Colours for a terminal; each gives its text back unchanged where colours are off. */
export interface Paint {
  good(text: string): string;
  bad(text: string): string;
  warm(text: string): string;
  quiet(text: string): string;
  strong(text: string): string;
}

/** Makes the colours, or none. */
export function createPaint(isOn: boolean): Paint {
  const wrap = (on: number, off: number) => (text: string) => (isOn ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  return { good: wrap(32, 39), bad: wrap(31, 39), warm: wrap(33, 39), quiet: wrap(2, 22), strong: wrap(1, 22) };
}

/** Whether a stream wants colours: a terminal does, unless NO_COLOR is set to anything (no-color.org) or it is dumb. */
export function wantsColour(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what a colour begins with.
const codes = /\u001b\[[0-9]+m/g;

/** A line cut to `width` characters that show; colours cost no room. */
export function fit(line: string, width: number): string {
  let room = width;
  let fitted = '';
  let at = 0;
  for (const match of line.matchAll(codes)) {
    fitted += line.slice(at, match.index).slice(0, room) + match[0];
    room = Math.max(0, room - (match.index - at));
    at = match.index + match[0].length;
  }
  return fitted + line.slice(at).slice(0, room);
}
