import { systemClock } from '../../src/runtime/clock.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { systemRandom } from '../../src/runtime/random.ts';
import { type AwsSandbox, startAwsSandbox } from '../../src/sandbox/aws-sandbox.ts';
import { profileSettings } from '../../src/sandbox/elbv2/settings.ts';
import { nodeNetwork } from '../../src/sandbox/node-network.ts';

/** Starts an emulator on a free port. */
export function startEmulator(): Promise<AwsSandbox> {
  const clock = systemClock();
  const deps = { clock, random: systemRandom(), network: nodeNetwork({ clock }), log: silentLog() };
  return startAwsSandbox(deps, { port: 0, settings: profileSettings('instant') });
}

/**
 * The environment for a real client: its endpoint is the emulator, and nothing that the machine's own configuration
 * says about AWS reaches it. An access key of twelve digits is an account of its own.
 */
export function clientEnvironment(url: string, accessKeyId: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2: url,
    AWS_ENDPOINT_URL_EC2: url,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: 'any',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    PYTHONDONTWRITEBYTECODE: '1',
  };
}
