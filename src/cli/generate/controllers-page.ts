import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { code, pageHead, prose } from './markdown.ts';

/** One loop, as the doc comment of its reconcile function tells of it. */
export interface ControllerDoc {
  /** Name of the function that makes it: `podReconciler`. */
  name: string;
  /** Path from the repository's root. */
  file: string;
  summary: string;
  /** The sentences after each of `aspects`. */
  aspects: Record<Aspect, string>;
}

const aspects = ['Trigger', 'Reads', 'Writes', 'Requeue', 'Failure'] as const;
type Aspect = (typeof aspects)[number];

/** `docs/controllers.md`: what starts each loop, what it reads and writes, and what it does when it fails. */
export function controllersPage(root: string): string {
  return `${pageHead('The loops', 'the doc comments in src/controllers')}
Each loop has a work queue of its own (\`src/kube/work-queue.ts\`): one key is worked on by one worker at a time, a key
that fails comes back with backoff, and \`/healthz\` fails when a turn takes too long. The loops run in the leader alone.
How they fit together is in [architecture.md](architecture.md).

${controllerDocs(root).map(section).join('\n')}`;
}

/** Reads the doc comments of all functions in src/controllers whose name ends in \`Reconciler\`. */
export function controllerDocs(root: string): ControllerDoc[] {
  return readdirSync(join(root, 'src/controllers'))
    .filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .toSorted()
    .flatMap(name => {
      const file = `src/controllers/${name}`;
      return readControllerDocs(file, readFileSync(join(root, file), 'utf8'));
    });
}

/**
 * Reads them from one file's source.
 * @throws Error where a reconcile function's comment lacks one of the five aspects.
 */
export function readControllerDocs(file: string, source: string): ControllerDoc[] {
  const functions = source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export function (\w+Reconciler)\(/g);
  return [...functions].map(([, comment = '', name = '']) => {
    const text = comment.replace(/^\s*\* ?/gm, '').trim();
    const [summary = '', ...rest] = text.split(/\n\s*\n/).map(paragraph => paragraph.replaceAll('\n', ' ').trim());
    return { name, file, summary, aspects: readAspects(`${name} in ${file}`, rest.join(' ')) };
  });
}

function readAspects(where: string, text: string): Record<Aspect, string> {
  const starts = aspects.map(aspect => {
    const at = text.indexOf(`${aspect}: `);
    if (at < 0) throw new Error(`Cannot describe ${where}: its comment has no "${aspect}: ", one of each wanted.`);
    return { aspect, at };
  });
  const ordered = starts.toSorted((a, b) => a.at - b.at);
  return Object.fromEntries(
    ordered.map(({ aspect, at }, index) => {
      const said = text.slice(at + aspect.length + 2, ordered[index + 1]?.at).trim();
      return [aspect, said.charAt(0).toUpperCase() + said.slice(1)];
    }),
  ) as Record<Aspect, string>;
}

function section(doc: ControllerDoc): string {
  const list = aspects.map(aspect => `- **${aspect}**: ${prose(doc.aspects[aspect])}\n`).join('');
  return `## ${code(doc.name)}\n\nIn ${code(doc.file)}. ${prose(doc.summary)}\n\n${list}`;
}
