import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The repository's root. */
export const repository = join(import.meta.dirname, '..', '..');

/** A permission of the operator, and the test that is known to fail without it. */
export interface Guard {
  /** What is taken out or made wider, as the tables name it; each once. */
  change: string;
  /** From the repository's root. */
  file: string;
  /** The whole title of one test of that file, with those of the suites around it before it. */
  test: string;
}

/** What one run of a guard came to. */
export interface GuardRun {
  outcome: 'passed' | 'failed' | 'not found';
  /** Of a failed test: what it said, in one line. */
  says: string;
}

/** The sources in a folder of their own, where a file may be written over. */
export interface Copy {
  write(file: string, content: string): void;
  run(guard: Pick<Guard, 'file' | 'test'>): Promise<GuardRun>;
  remove(): void;
}

/** No guard takes longer, on a machine that is busy. */
const timeoutMs = 120_000;

/** Copies what tests need. What is changed there is changed nowhere else. */
export function copySources(): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'nlbports-ablation-'));
  for (const part of ['src', 'test', 'deploy', 'package.json']) {
    cpSync(join(repository, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return {
    write: (file, content) => writeFileSync(join(folder, file), content),
    run: ({ file, test }) =>
      new Promise(done => {
        const args = ['--test', '--test-isolation=none', '--test-reporter=tap', `--test-name-pattern=${exactly(test)}`];
        execFile(process.execPath, [...args, file], { cwd: folder, timeout: timeoutMs, maxBuffer: 1e8 }, (_, said) =>
          done(readTap(said)),
        );
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const exactly = (title: string) => `/^${title.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')}$/`;

/** Reads what the runner counted, and the first reason that a failed test gave. */
export function readTap(tap: string): GuardRun {
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(tap)?.[1] ?? Number.NaN);
  const says = reasonIn(tap);
  // A file that does not load fails as a test does, and runs none: that is no test which noticed.
  if (count('pass') + count('fail') !== 1) return { outcome: 'not found', says };
  return { outcome: count('fail') === 1 ? 'failed' : 'passed', says };
}

function reasonIn(tap: string): string {
  const lines = tap.split('\n');
  const at = lines.findIndex(line => /^\s*error: /.test(line));
  if (at < 0) return '';
  const first = lines[at]!.replace(/^\s*error: /, '');
  const indent = /^\s*/.exec(lines[at]!)![0].length;
  const block = first.startsWith('|');
  const rest = lines.slice(at + 1);
  const end = rest.findIndex(line => line.trim() !== '' && /^\s*/.exec(line)![0].length <= indent);
  const text = block ? rest.slice(0, end).join(' ') : first.replace(/^'|'$/g, '');
  return text.replace(/\s+/g, ' ').trim();
}
