import type { ElbResponse, Elbv2 } from './elbv2.ts';
import { type FaultyHandler, readFaults } from './faults.ts';
import { type PolicyStore, readPolicies } from './policy.ts';

/** What the admin surface shows and sets. */
export interface AdminDeps {
  readonly emulator: Pick<Elbv2, 'callLog' | 'flows' | 'problems'>;
  readonly faults: Pick<FaultyHandler, 'set' | 'list'>;
  readonly policies: Pick<PolicyStore, 'set' | 'list'>;
}

/**
 * The paths under `/_emulator/`, for tests in other processes; JSON, no signature:
 * - `GET calls`: counts and entries (`?action=RegisterTargets` for one action, `?entries=0` for counts alone); `DELETE calls` forgets them.
 * - `GET faults`, `PUT faults` (a list of faults replaces all), `DELETE faults`.
 * - `GET policies`, `PUT policies` (an object of IAM policies by access key replaces all; others may do anything).
 * - `GET state`: live flows, and listeners whose sockets could not be opened.
 */
export function handleAdmin(deps: AdminDeps, request: { method: string; path: string; body: string }): ElbResponse {
  const { emulator, faults, policies } = deps;
  const url = new URL(request.path, 'http://emulator');
  switch (`${request.method} ${url.pathname.slice('/_emulator/'.length)}`) {
    case 'GET calls': {
      const action = url.searchParams.get('action');
      const withEntries = url.searchParams.get('entries') !== '0';
      const entries = emulator.callLog.entries.filter(entry => action === null || entry.action === action);
      return json(200, { ...emulator.callLog.counts(), ...(withEntries ? { entries } : {}) });
    }
    case 'DELETE calls':
      emulator.callLog.reset();
      return json(200, {});
    case 'GET faults':
      return json(200, faults.list());
    case 'DELETE faults':
      faults.set([]);
      return json(200, []);
    case 'PUT faults': {
      const read = readFaults(parseJson(request.body));
      if (!read.ok) return json(400, { message: read.message });
      faults.set(read.faults);
      return json(200, faults.list());
    }
    case 'GET policies':
      return json(200, policies.list());
    case 'PUT policies': {
      const read = readPolicies(parseJson(request.body));
      if (!read.ok) return json(400, { message: read.message });
      policies.set(read.policies);
      return json(200, policies.list());
    }
    case 'GET state':
      return json(200, { flows: emulator.flows(), problems: emulator.problems() });
    default:
      return json(404, {
        message: `No ${request.method} ${url.pathname} here. Known: calls, faults, policies, state.`,
      });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function json(status: number, value: unknown): ElbResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: `${JSON.stringify(value)}\n` };
}
