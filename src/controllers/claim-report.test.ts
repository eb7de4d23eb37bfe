import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointAnnotation, readyCondition } from '../api/names.ts';
import { promisesMore } from './claim-report.ts';

/** A report of an endpoint and a state. */
const told = (endpoint: string, status: 'True' | 'False') => ({
  status,
  reason: 'Reason',
  message: '',
  warning: false,
  annotations: { [endpointAnnotation]: endpoint },
});

/** An object that says so already. */
const object = (endpoint: string, status: 'True' | 'False') => ({
  metadata: { name: 'room', annotations: { [endpointAnnotation]: endpoint } },
  status: { conditions: [{ type: readyCondition, status }] },
});

test('another endpoint, or that it is ready now, is more than was promised; the same, or less, is not', () => {
  for (const [now, before, expected] of [
    [told('lb:1', 'False'), object('', 'False'), true],
    [told('lb:2', 'False'), object('lb:1', 'True'), true],
    [told('lb:1', 'True'), object('lb:1', 'False'), true],
    [told('lb:1', 'True'), object('lb:1', 'True'), false],
    [told('lb:1', 'False'), object('lb:1', 'True'), false],
    [told('', 'False'), object('lb:1', 'True'), false],
  ] as const) {
    assert.equal(promisesMore(now, before), expected, JSON.stringify([now, before]));
  }
});
