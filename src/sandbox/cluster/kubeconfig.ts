import { stringify } from 'yaml';

/**
 * The text of a kubeconfig for a simulated API: one context, no credentials that mean anything (whoever reaches the
 * port may do everything).
 */
export function kubeconfigText(server: string, name = 'nlbports-sandbox'): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: { token: 'sandbox' } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}
