import { badRequest } from '../api-error.ts';
import { asObject, type JsonObject } from '../json.ts';

const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/**
 * Checks fields of Kubernetes' type MicroTime, which are read only with exactly six fractional digits. Throws a 400, as
 * the server does while it decodes.
 */
export function checkMicroTimes(object: JsonObject, kind: string, version: string, paths: readonly string[]): void {
  for (const path of paths) {
    const steps = path.split('.');
    const field = steps.pop()!;
    const holder = steps.reduce<JsonObject>((at, step) => asObject(at[step]), object);
    const value = holder[field];
    if (value === undefined || value === null) continue;
    if (typeof value === 'string' && microTime.test(value) && !Number.isNaN(Date.parse(value))) continue;
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${kind}: parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse it`,
    );
  }
}
