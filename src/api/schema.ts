import { z } from 'zod';
import { durationPattern } from './duration.ts';

/** A duration as users write it. The length bound keeps the CEL cost estimate of rules that read it small. */
export const duration = z.string().regex(new RegExp(durationPattern)).max(32);

/** A duration where AWS takes whole seconds only. */
export const wholeSeconds = z
  .string()
  .regex(/^([0-9]+(s|m|h))+$/)
  .max(32);

/** A TCP or UDP port number. */
export const portNumber = z.int().min(1).max(65535);

/** A `metav1.Condition`. */
export const condition = z
  .object({
    type: z.string().max(316),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string().max(1024),
    message: z.string().max(32768),
    lastTransitionTime: z.string().max(64),
    observedGeneration: z.int().min(0).optional(),
  })
  .describe('One aspect of the current state, in the form of metav1.Condition.');

export const conditions = z
  .array(condition)
  .max(16)
  .optional()
  .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] });

/** A CEL rule of Kubernetes, shown to the user with its message when it says no. */
export interface ValidationRule {
  rule: string;
  message: string;
  fieldPath?: string;
  reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

/** Adds CEL rules to a schema; the CRD generator carries them over. */
export function rules(...list: ValidationRule[]): { 'x-kubernetes-validations': ValidationRule[] } {
  return { 'x-kubernetes-validations': list };
}

/** Values that may not change once the object is there. */
export const immutable = (what: string) => rules({ rule: 'self == oldSelf', message: `${what} can not be changed` });
