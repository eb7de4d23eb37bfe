import { ApiError } from './api-error.ts';

/** The form in which a client wants objects. */
export type Format = 'object' | 'table' | 'partial';

/**
 * Chooses the form by the Accept header: JSON, a `Table` (kubectl's), or `PartialObjectMetadata`. Throws a 406 where
 * only forms are accepted that are not made here, such as protobuf.
 */
export function chooseFormat(accept: string | undefined): Format {
  if (accept === undefined || accept.trim() === '') return 'object';
  for (const part of accept.split(',')) {
    const [type, ...parameters] = part.split(';').map(item => item.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const named = new Map(parameters.map(item => item.split('=', 2) as [string, string]));
    const as = named.get('as');
    if (as === undefined) return 'object';
    if (named.get('g') !== 'meta.k8s.io' || named.get('v') !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'partial';
  }
  throw new ApiError(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  );
}
