/** One shell command of a case, and what it has to print. */
export interface TranscriptStep {
  /**
   * `run`: a command, waited for. `start`: one left running until the case ends. `read`: the next `lines` lines of the
   * one left running.
   */
  kind: 'run' | 'start' | 'read';
  /** As sh reads it; empty for `read`. */
  command: string;
  /** For `read`. */
  lines: number;
  /** Normalised output: standard output, then standard error with `! ` before each line, then `[code]` unless 0. */
  expected: string[];
}

/** A short session of kubectl in a namespace of its own. */
export interface TranscriptCase {
  /** Names the subject and claims something, as in `apply: …`. */
  title: string;
  /** Files that lie in the folder where its commands run, by name. */
  files: Map<string, string>;
  steps: TranscriptStep[];
}

/**
 * Reads cases from a text file.
 *
 * `== title` begins a case, `=== name` one of its files, `$ command` a step, `& command` one left running, `&2` says
 * that two more lines of that one follow. Lines below a step are what it prints: literal, or a regular expression
 * after `~ `, or `...` for any lines. Commands and files may use `$NS`, the case's namespace, for names of objects
 * outside of namespaces. Lines that begin with `#` before the first case are comments.
 *
 * @throws Error for a line that belongs to nothing, or a title used twice.
 */
export function parseTranscript(text: string, name: string): TranscriptCase[] {
  const cases: TranscriptCase[] = [];
  let file: string[] | undefined;
  let fileName = '';
  const endFile = () => {
    if (file !== undefined) cases.at(-1)!.files.set(fileName, `${file.join('\n')}\n`);
    file = undefined;
  };
  for (const [index, line] of text.trimEnd().split('\n').entries()) {
    const refuse = (why: string) => new Error(`Cannot read ${name}:${index + 1}: ${why}: ${line}`);
    const current = cases.at(-1);
    if (line.startsWith('=== ')) {
      endFile();
      if (current === undefined) throw refuse('a file before the first case');
      [file, fileName] = [[], line.slice(4).trim()];
    } else if (line.startsWith('== ')) {
      endFile();
      const title = line.slice(3).trim();
      if (cases.some(other => other.title === title)) throw refuse('a title used twice');
      cases.push({ title, files: new Map(), steps: [] });
    } else if (current === undefined) {
      if (line !== '' && !line.startsWith('#')) throw refuse('text before the first case');
    } else if (/^(\$ |& |&\d+$)/.test(line)) {
      endFile();
      current.steps.push(parseStep(line));
    } else if (file !== undefined) {
      file.push(line);
    } else if (current.steps.length > 0) {
      current.steps.at(-1)!.expected.push(line);
    } else if (line !== '') {
      throw refuse('text before the first step');
    }
  }
  endFile();
  for (const step of cases.flatMap(({ steps }) => steps)) dropBlankEnd(step.expected);
  return cases;
}

/** The text that `parseTranscript` reads, without comments. */
export function formatTranscript(cases: TranscriptCase[]): string {
  return cases
    .map(({ title, files, steps }) =>
      [
        `== ${title}`,
        ...[...files].flatMap(([name, content]) => [`=== ${name}`, content.trimEnd()]),
        ...steps.flatMap(step => [formatStep(step), ...step.expected]),
        '',
      ].join('\n'),
    )
    .join('\n');
}

function parseStep(line: string): TranscriptStep {
  if (line.startsWith('$ ')) return { kind: 'run', command: line.slice(2), lines: 0, expected: [] };
  if (line.startsWith('& ')) return { kind: 'start', command: line.slice(2), lines: 0, expected: [] };
  return { kind: 'read', command: '', lines: Number(line.slice(1)), expected: [] };
}

function formatStep({ kind, command, lines }: TranscriptStep): string {
  if (kind === 'read') return `&${lines}`;
  return `${kind === 'run' ? '$' : '&'} ${command}`;
}

function dropBlankEnd(lines: string[]): void {
  while (lines.at(-1) === '') lines.pop();
}
