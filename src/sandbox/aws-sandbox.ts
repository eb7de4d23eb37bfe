import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Random } from '../runtime/random.ts';
import { createElbv2, type Elbv2 } from './elbv2/elbv2.ts';
import { type FaultyHandler, withFaults } from './elbv2/faults.ts';
import { createPolicyStore, type PolicyStore } from './elbv2/policy.ts';
import { serveElbv2 } from './elbv2/serve.ts';
import type { Settings } from './elbv2/settings.ts';
import type { Network } from './network.ts';
import type { NetworkMapRule } from './network-map.ts';

/** An emulated AWS that any client can reach over HTTP. */
export interface AwsSandbox {
  /** For `AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2`. */
  readonly url: string;
  readonly emulator: Elbv2;
  readonly faults: FaultyHandler;
  /** What IAM allows whom; nobody is held to anything at first. */
  readonly policies: PolicyStore;
  close(): Promise<void>;
}

/** Emulator, fault wrapper and HTTP front in one. Raises the system's error where the port can't be had. */
export async function startAwsSandbox(
  deps: { clock: Clock; random: Random; network: Network; log: Log },
  options: { port: number; settings: Settings; networkMap?: readonly NetworkMapRule[] },
): Promise<AwsSandbox> {
  const policies = createPolicyStore();
  const emulator = createElbv2({
    ...deps,
    authorize: policies.authorize,
    settings: options.settings,
    ...(options.networkMap ? { networkMap: options.networkMap } : {}),
  });
  const faults = withFaults({ handle: emulator.handle, clock: deps.clock, random: deps.random });
  const server = await serveElbv2(
    { handle: faults.handle, emulator, faults, policies, clock: deps.clock, log: deps.log },
    { port: options.port },
  );
  return {
    url: server.url,
    emulator,
    faults,
    policies,
    async close() {
      await Promise.all([server.close(), emulator.close()]);
    },
  };
}
