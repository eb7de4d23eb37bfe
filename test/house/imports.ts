import { type Import, importsOf, isForTests, roomOf, typeScript, withoutComments } from './sources.ts';

/**
 * The rooms that each room may import from, beside itself. The AWS half knows nothing of Kubernetes' client, the
 * simulators nothing of the operator that is tried on them.
 */
const below: Record<string, readonly string[]> = {
  runtime: [],
  kube: ['runtime'],
  api: ['runtime'],
  core: ['api', 'runtime'],
  aws: ['core', 'api', 'runtime'],
  controllers: ['aws', 'core', 'kube', 'api', 'runtime'],
  operator: ['controllers', 'aws', 'core', 'kube', 'api', 'runtime'],
  sandbox: ['core', 'kube', 'api', 'runtime'],
  simulation: ['sandbox', 'operator', 'controllers', 'aws', 'core', 'kube', 'api', 'runtime'],
  cli: ['simulation', 'sandbox', 'operator', 'controllers', 'aws', 'core', 'kube', 'api', 'runtime'],
};

/** Rooms whose types, but not whose code, may be used as well: shapes of objects are no I/O. */
const typesOnly: Record<string, readonly string[]> = { api: ['kube'], core: ['kube'] };

/** The sandbox's demo shows the unchanged operator, and so may import it. */
const demo = { files: /^src\/sandbox\/demo(\/|[-.\w]*\.ts$)/, rooms: ['operator', 'controllers', 'aws'] };

/** What core and api may import from outside: a validator and a hash, no I/O. */
const pureModules = new Set(['zod', 'node:crypto']);

const allImports = (files: ReadonlyMap<string, string>) =>
  [...typeScript(files)].flatMap(([path, source]) => importsOf(path, source));

/** Imports that go up, or sideways, among the rooms of src; test files may import from anywhere. */
export function upwardImports(files: ReadonlyMap<string, string>): string[] {
  return allImports(files)
    .filter(({ from }) => roomOf(from) !== undefined && !isForTests(from))
    .filter(found => !isAllowed(found))
    .map(shown);
}

/** Product files that import what is there for tests alone. */
export function importsOfTests(files: ReadonlyMap<string, string>): string[] {
  return allImports(files)
    .filter(({ from, to }) => from.startsWith('src/') && !isForTests(from) && files.has(to) && isForTests(to))
    .map(shown);
}

/** What core and api do beyond computing: modules from outside, and globals that reach the world. */
export function ioInPureRooms(files: ReadonlyMap<string, string>): string[] {
  const pure = [...typeScript(files)].filter(
    ([path]) => ['core', 'api'].includes(roomOf(path) ?? '') && !isForTests(path),
  );
  return pure.flatMap(([path, source]) => [
    ...importsOf(path, source)
      .filter(({ to }) => !to.startsWith('src/') && !pureModules.has(to))
      .map(shown),
    ...[...withoutComments(source).matchAll(/\b(process\.|console\.|fetch\()/g)].map(
      ([, use]) => `${path} uses ${use}`,
    ),
  ]);
}

/** Files of the Kubernetes half of Pod mode whose imports lead to code in src/aws. */
export function claimsThatReachAws(files: ReadonlyMap<string, string>): string[] {
  return [...reachable(files, ['src/controllers/pods.ts'])].filter(path => roomOf(path) === 'aws');
}

/** Every file that these lead to by imports; types that are imported count where `types` is set. */
export function reachable(
  files: ReadonlyMap<string, string>,
  from: Iterable<string>,
  options = { types: false },
): Set<string> {
  const seen = new Set<string>();
  const open = [...from].filter(path => files.has(path));
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    for (const { to, typeOnly } of importsOf(path, files.get(path) ?? '')) {
      if (files.has(to) && (options.types || !typeOnly)) open.push(to);
    }
  }
  return seen;
}

/** Files of src that neither an entry point nor a test leads to. */
export function deadFiles(files: ReadonlyMap<string, string>, entryPoints: readonly string[]): string[] {
  const tests = [...files.keys()].filter(path => /\.(test|cluster|bench)\.ts$/.test(path));
  const alive = reachable(files, [...entryPoints, ...tests], { types: true });
  return [...typeScript(files).keys()].filter(path => path.startsWith('src/') && !alive.has(path));
}

function isAllowed({ from, to, typeOnly }: Import): boolean {
  const [here = '', there] = [roomOf(from), roomOf(to)];
  // The version of package.json is read as a file; anything else outside of src is for tests.
  if (there === undefined) return !to.startsWith('test/');
  if (here === there || below[here]?.includes(there)) return true;
  if (typeOnly && typesOnly[here]?.includes(there)) return true;
  return demo.files.test(from) && demo.rooms.includes(there);
}

function shown({ from, to, typeOnly }: Import): string {
  return `${from} imports ${typeOnly ? 'types of ' : ''}${to}`;
}
