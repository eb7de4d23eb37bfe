import { isIP } from 'node:net';
import { Environment } from '@marcbachmann/cel-js';

/**
 * The CEL environment of CRD rules: `self`, `oldSelf`, and of Kubernetes' extension libraries the functions on strings,
 * lists, regular expressions and addresses. Quantities, URLs, semantic versions and sets are not there.
 */
export function createCelEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  environment.registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
  environment.registerFunction('string.charAt(int): string', (text: string, at: bigint) => [...text][Number(at)] ?? '');
  environment.registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.replaceAll(from, () => to),
  );
  environment.registerFunction('string.find(string): string', (text: string, pattern: string) => {
    return new RegExp(pattern, 'u').exec(text)?.[0] ?? '';
  });
  environment.registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
    [...text.matchAll(new RegExp(pattern, 'gu'))].map(match => match[0]),
  );
  environment.registerFunction('list.isSorted(): bool', (list: unknown[]) =>
    list.every((item, index) => index === 0 || !less(item, list[index - 1])),
  );
  environment.registerFunction('list.sum(): dyn', (list: (bigint | number)[]) =>
    list.reduce<unknown>((sum, item) => (sum as number) + (item as number), typeof list[0] === 'number' ? 0 : 0n),
  );
  environment.registerFunction('list.min(): dyn', (list: unknown[]) => extreme(list, less));
  environment.registerFunction('list.max(): dyn', (list: unknown[]) => extreme(list, (a, b) => less(b, a)));
  environment.registerFunction('list.indexOf(dyn): int', (list: unknown[], item: unknown) =>
    BigInt(list.indexOf(item)),
  );
  environment.registerFunction('list.lastIndexOf(dyn): int', (list: unknown[], item: unknown) =>
    BigInt(list.lastIndexOf(item)),
  );
  environment.registerFunction('isIP(string): bool', (text: string) => isIP(text) !== 0);
  environment.registerFunction('isCIDR(string): bool', (text: string) => {
    const match = /^(.+)\/(\d{1,3})$/.exec(text);
    const family = match ? isIP(match[1]!) : 0;
    return family !== 0 && Number(match![2]) <= (family === 4 ? 32 : 128);
  });
  return environment;
}

function less(left: unknown, right: unknown): boolean {
  return (left as string) < (right as string);
}

function extreme(list: unknown[], before: (a: unknown, b: unknown) => boolean): unknown {
  if (list.length === 0) throw new Error('min/max called on empty list');
  return list.reduce((best, item) => (before(item, best) ? item : best));
}
