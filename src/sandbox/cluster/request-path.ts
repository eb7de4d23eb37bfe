/** A request's target as its path names it. */
export type Target =
  | {
      type: 'resource';
      group: string;
      version: string;
      namespace: string | undefined;
      plural: string;
      name: string | undefined;
      subresource: string | undefined;
    }
  /** Anything else: discovery, version, health. */
  | { type: 'other'; path: string };

/** Reads the path of a request (without its query). Malformed escapes are left as they stand. */
export function readPathOf(path: string): Target {
  const steps = path.split('/').slice(1).map(decodeStep);
  if (steps.at(-1) === '') steps.pop();
  let rest: string[];
  let group = '';
  let version: string;
  if (steps[0] === 'api' && steps.length > 2) {
    version = steps[1]!;
    rest = steps.slice(2);
  } else if (steps[0] === 'apis' && steps.length > 3) {
    group = steps[1]!;
    version = steps[2]!;
    rest = steps.slice(3);
  } else return { type: 'other', path };
  let namespace: string | undefined;
  // `/namespaces/a` is the Namespace itself, and so are its subresources; anything further lies in it.
  if (rest[0] === 'namespaces' && rest.length > 2 && !(rest.length === 3 && namespaceSubresources.has(rest[2]!))) {
    namespace = rest[1]!;
    rest = rest.slice(2);
  }
  if (rest.length > 3 || rest.some(step => step === '')) return { type: 'other', path };
  const [plural, name, subresource] = rest;
  return { type: 'resource', group, version, namespace, plural: plural!, name, subresource };
}

const namespaceSubresources = new Set(['status', 'finalize']);

function decodeStep(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}
