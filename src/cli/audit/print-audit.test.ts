import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditListing } from '../../controllers/audit-listing.ts';
import { auditText } from './print-audit.ts';

const nothing = { objects: { pools: [], ports: [], pods: [] }, findings: [], restored: undefined };
const awsLine = (view: Partial<AuditListing['view']>) => {
  const listing = { ...nothing, view: { targetGroups: [], listeners: [], loadBalancers: [], missing: [], ...view } };
  return auditText('cluster-1', listing, undefined).split('\n')[2];
};

test('auditText() counts no listeners where it could look for none', () => {
  assert.equal(
    awsLine({}),
    'AWS         0 target groups of this cluster; listeners were not looked for, as no pool has a load balancer',
  );
  assert.equal(
    awsLine({ loadBalancers: ['arn:a'] }),
    'AWS         0 target groups and 0 listeners of this cluster on 1 load balancer',
  );
});
