import { type ExchangeDeps, exchange } from './exchange.ts';
import { isExpired, KubeNoAnswer } from './kube-error.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resource.ts';
import { collectionPath } from './resource-path.ts';

export interface ListAllOptions<T extends KubeObject> {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  signal?: AbortSignal | undefined;
  /** For each page. */
  timeoutMs: number;
  /** Applied to each object as its page arrives, so that only trimmed ones are held. */
  keep: (object: T) => T;
}

/** Objects per page: client-go's own, a compromise between round trips and memory on both sides. */
const PAGE_LIMIT = 500;

/**
 * Lists a kind page by page, and is complete or throws. A continue token that expired on the way (410) starts over
 * without pages, which can't expire; what came before is thrown away.
 */
export async function listAll<T extends KubeObject>(
  deps: ExchangeDeps,
  resource: Resource<T>,
  options: ListAllOptions<T>,
): Promise<{ items: T[]; resourceVersion: string }> {
  try {
    return await listPages(deps, resource, options, PAGE_LIMIT);
  } catch (error) {
    if (!isExpired(error)) throw error;
    return await listPages(deps, resource, options, undefined);
  }
}

async function listPages<T extends KubeObject>(
  deps: ExchangeDeps,
  resource: Resource<T>,
  options: ListAllOptions<T>,
  limit: number | undefined,
): Promise<{ items: T[]; resourceVersion: string }> {
  const items: T[] = [];
  let next: string | undefined;
  for (;;) {
    const path = collectionPath(resource, options.namespace, {
      labelSelector: options.labelSelector || undefined,
      fieldSelector: options.fieldSelector || undefined,
      limit,
      continue: next,
    });
    const page = await exchange(
      deps,
      { method: 'GET', path, headers: { accept: 'application/json' } },
      { timeoutMs: options.timeoutMs, signal: options.signal },
    );
    if (!isPage<T>(page)) throw new KubeNoAnswer(`GET ${path}: the answer is not a list of ${resource.kind} objects`);
    for (const item of page.items) {
      // The items of a list don't say their kind; everywhere else objects do.
      item.apiVersion ??= resource.apiVersion;
      item.kind ??= resource.kind;
      items.push(options.keep(item));
    }
    next = page.metadata.continue || undefined;
    // All pages show the state of the first one's resourceVersion, and each repeats it.
    if (next === undefined) return { items, resourceVersion: page.metadata.resourceVersion };
  }
}

function isPage<T>(page: unknown): page is { items: T[]; metadata: { resourceVersion: string; continue?: string } } {
  if (typeof page !== 'object' || page === null) return false;
  const { items, metadata } = page as { items?: unknown; metadata?: { resourceVersion?: unknown } };
  return Array.isArray(items) && typeof metadata?.resourceVersion === 'string';
}
