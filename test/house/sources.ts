import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

/** The repository's root. */
export const repository = join(import.meta.dirname, '..', '..');

const folders = ['.ci', 'bin', 'deploy', 'docs', 'examples', 'src', 'test'];
const notOurs = /(^|\/)(node_modules|\.git)\//;

/** Every file of ours by path from the root, with its text; without the lock files, which tools write. */
export function allFiles(): Map<string, string> {
  const atRoot = readdirSync(repository).filter(name => statSync(join(repository, name)).isFile());
  const below = folders.flatMap(folder =>
    readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => relative(repository, join(entry.parentPath, entry.name))),
  );
  return new Map(
    [...atRoot, ...below]
      .filter(path => !notOurs.test(path) && !/(^|\/)(package-lock\.json|go\.sum)$|\.log$/.test(path))
      .map(path => [path, readFileSync(join(repository, path), 'utf8')]),
  );
}

/** The TypeScript files among these, by path. */
export function typeScript(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...files].filter(([path]) => path.endsWith('.ts')));
}

/** Whether a file of src is there for tests alone. */
export function isForTests(path: string): boolean {
  return path.startsWith('test/') || /\.(test|fixture|cluster|bench)\.ts$/.test(path);
}

/** `kube` of `src/kube/client.ts`; undefined outside of src. */
export function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** One import of a file. */
export interface Import {
  from: string;
  /** Path from the root where it is a file of ours, else the package's or built-in module's name. */
  to: string;
  /** Whether only types are imported, which is nothing at run time. */
  typeOnly: boolean;
}

/** All imports of a file: static, re-exported and dynamic. */
export function importsOf(path: string, source: string): Import[] {
  const statements = source.matchAll(/^(?:import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'/gm);
  const effects = source.matchAll(/^import\s+'([^']+)'/gm);
  const dynamic = source.matchAll(/\bimport\('([^']+)'\)/g);
  return [
    ...[...statements].map(([, type, to = '']) => ({ to, typeOnly: type !== undefined })),
    ...[...effects, ...dynamic].map(([, to = '']) => ({ to, typeOnly: false })),
  ].map(({ to, typeOnly }) => ({ from: path, to: to.startsWith('.') ? resolvePath(path, to) : to, typeOnly }));
}

/** The same source with comments blanked out, so that a word in one is not taken for its use. */
export function withoutComments(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, ' '))
    .replace(/^(\s*)\/\/.*$/gm, '$1');
}

function resolvePath(from: string, to: string): string {
  return posix.normalize(posix.join(dirname(from), to));
}
