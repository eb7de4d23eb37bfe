import type { Profile } from '../../sandbox/elbv2/settings.ts';
import type { NetworkMapRule } from '../../sandbox/network-map.ts';

/** What `nlbports sandbox` was asked for. */
export interface SandboxFlags {
  only?: 'aws' | 'kubernetes';
  exit?: boolean;
  /** False with --no-story. */
  story: boolean;
  awsPort: number;
  kubernetesPort: number;
  operatorPort?: number;
  kubeconfigOut?: string;
  profile: Profile;
  set: Record<string, string>;
  mapNetwork: NetworkMapRule[];
  /** Milliseconds. */
  stepTimeout?: number;
  seed?: number;
  log?: string;
  json?: boolean;
}
