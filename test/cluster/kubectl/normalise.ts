/** What differs from run to run and from server to server, by itself. */
export interface Surroundings {
  namespace: string;
  /** `http://127.0.0.1:41234` */
  server: string;
}

/**
 * Output as a transcript holds it: names and figures that no two runs share are replaced by words, columns stand two
 * spaces apart whatever the width of their cells.
 */
export function normalise(output: string, { namespace, server }: Surroundings): string[] {
  const text = output
    .replaceAll(server, '<server>')
    .replaceAll(namespace, 'NS')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uid>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .replaceAll(/\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}/g, '<time>')
    .replaceAll(/(resourceVersion"?: *)"\d+"/g, '$1"<version>"')
    .replaceAll(/(Resource Version: +)\d+/g, '$1<version>')
    .replaceAll(/\b10\.96\.\d+\.\d+\b/g, '<cluster-ip>')
    .replaceAll(/(?<=nodePort"?: *|\d:)3\d{4}\b/g, '<node-port>');
  const lines = text.split('\n').map(line =>
    line
      .trimEnd()
      .replaceAll(/(?<=\S) {2,}(?=\S)/g, '  ')
      .replaceAll(/\t/g, '  ')
      .replaceAll(/(?<=^| {2})(\d+[smhdy])+(?= {2}|$)/g, '<age>'),
  );
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Whether what was printed is what a transcript expects; `...` stands for any lines, `~ ` begins a pattern. */
export function matchesLines(actual: readonly string[], expected: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === '...') return actual.some((_, at) => matchesLines(actual.slice(at), rest)) || rest.length === 0;
  const [line, ...others] = actual;
  if (line === undefined) return false;
  const same = first.startsWith('~ ') ? new RegExp(`^(?:${first.slice(2)})$`).test(line) : first === line;
  return same && matchesLines(others, rest);
}
