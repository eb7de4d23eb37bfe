/**
 * An endpoint of one's own decides where calls go: then any region will do for the signature, and none has to be set.
 */
export function regionOfEndpoint(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const endpoint = env.AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 ?? env.AWS_ENDPOINT_URL;
  return endpoint && !env.AWS_REGION && !env.AWS_DEFAULT_REGION ? 'us-east-1' : undefined;
}
