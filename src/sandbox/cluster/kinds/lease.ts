import { type FieldError, invalid } from '../api-error.ts';
import { asObject, asString } from '../json.ts';
import { type Kind, plainKind } from '../kind.ts';
import { plainShape } from '../merge-shapes.ts';
import { subdomainErrors } from '../names.ts';
import { age, textColumn } from '../table-cells.ts';
import { checkMicroTimes } from './time-fields.ts';

/** `coordination.k8s.io/v1` Lease. */
export function leaseKind(): Kind {
  return plainKind({
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    plural: 'leases',
    namespaced: true,
    checkName: subdomainErrors,
    unconditionalUpdate: false,
    createOnUpdate: true,
    mergeShape: plainShape,
    columns: [
      textColumn('Holder', 'Who holds it.', object => asString(asObject(object.spec).holderIdentity)),
      textColumn('Age', 'When it was made.', (object, nowMs) => age(object.metadata.creationTimestamp, nowMs)),
    ],
    decode(object) {
      checkMicroTimes(object, 'Lease', 'v1', ['spec.acquireTime', 'spec.renewTime']);
      return { object: { ...object, spec: asObject(object.spec) }, unknown: [] };
    },
    judge(object) {
      const errors: FieldError[] = [];
      const { leaseDurationSeconds, leaseTransitions } = asObject(object.spec);
      if (typeof leaseDurationSeconds === 'number' && leaseDurationSeconds <= 0) {
        errors.push(invalid('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'));
      }
      if (typeof leaseTransitions === 'number' && leaseTransitions < 0) {
        errors.push(invalid('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0'));
      }
      return { errors, warnings: [] };
    },
  });
}
