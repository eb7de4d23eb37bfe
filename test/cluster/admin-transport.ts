import { readFileSync } from 'node:fs';
import type { KubeTransport } from '../../src/kube/transport.ts';
import { createUndiciTransport } from '../../src/kube/undici-transport.ts';
import type { ControlPlane } from './control-plane.ts';

/** The product's own transport to a real API server, under the administrator's token; the caller closes it. */
export function adminTransport(cluster: ControlPlane, userAgent: string): KubeTransport {
  return createUndiciTransport(
    {
      server: cluster.url,
      source: 'the test',
      namespace: undefined,
      insecureSkipTlsVerify: false,
      tlsServerName: undefined,
      credentials: async () => ({
        ca: readFileSync(cluster.caFile, 'utf8'),
        headers: { authorization: `Bearer ${cluster.adminToken}` },
      }),
    },
    { userAgent },
  );
}
