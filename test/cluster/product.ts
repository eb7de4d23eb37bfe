import { join } from 'node:path';

/** The repository's root. */
export const repository = join(import.meta.dirname, '..', '..');

/** The command that users run. */
export const nlbportsCommand = join(repository, 'bin', 'nlbports');

/**
 * This process's environment without what would lead a product under test to a real cluster or a real account, or
 * change its settings; `more` on top.
 */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS_|NLBPORTS_|KUBE)|_proxy$/i.test(name));
  return { ...Object.fromEntries(kept), ...more };
}
