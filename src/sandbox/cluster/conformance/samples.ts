import type { Loose } from './api.ts';

/** A pod of one container; `spec` and `metadata` are laid over it. */
export function pod(name: string, spec: Loose = {}, metadata: Loose = {}): Loose {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers: [{ name: 'game', image: 'example.com/game:1' }], ...spec },
  };
}

export function configMap(name: string, data: Record<string, string> = {}, metadata: Loose = {}): Loose {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function lease(name: string, spec: Loose = {}, metadata: Loose = {}): Loose {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, ...metadata }, spec };
}

export const widgetGroup = 'conformance.nlbports.dev';

export function widget(name: string, spec: Loose = {}, metadata: Loose = {}): Loose {
  return {
    apiVersion: `${widgetGroup}/v1`,
    kind: 'Widget',
    metadata: { name, ...metadata },
    spec: { size: 1, ...spec },
  };
}

/** Path kinds of the two custom resources below. */
export const widgets = `widgets.${widgetGroup}/v1`;
export const gadgetsPath = `/apis/${widgetGroup}/v1/gadgets`;

/** Two definitions: namespaced Widgets with everything a schema can say, cluster-scoped Gadgets without a status. */
export const definitions: Loose[] = [
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${widgetGroup}` },
    spec: {
      group: widgetGroup,
      scope: 'Namespaced',
      names: {
        plural: 'widgets',
        singular: 'widget',
        kind: 'Widget',
        shortNames: ['wdg'],
        categories: ['conformance'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.owner' }, { jsonPath: '.spec.size' }, { jsonPath: '.status.phase' }],
          additionalPrinterColumns: [
            { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
            { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: { openAPIV3Schema: widgetSchema() },
        },
      ],
    },
  },
  {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `gadgets.${widgetGroup}` },
    spec: {
      group: widgetGroup,
      scope: 'Cluster',
      names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                status: { type: 'object', properties: { phase: { type: 'string' } } },
              },
            },
          },
        },
      ],
    },
  },
];

function widgetSchema(): Loose {
  return {
    type: 'object',
    required: ['spec'],
    'x-kubernetes-validations': [
      { rule: "!self.metadata.name.startsWith('bad-')", message: 'names must not begin with bad-' },
    ],
    properties: {
      spec: {
        type: 'object',
        required: ['size'],
        'x-kubernetes-validations': [
          { rule: 'self.size <= self.limit', message: 'size must not be above limit' },
          {
            rule: '!has(oldSelf.owner) || (has(self.owner) && self.owner == oldSelf.owner)',
            message: 'owner can be set but not changed',
          },
          {
            rule: "!has(self.claim) || self.claim.__namespace__ != 'kube-system'",
            messageExpression: "'claims of ' + self.claim.__namespace__ + ' are refused'",
          },
          {
            rule: "!has(self.address) || self.address.matches('^10[.]') || self.address.endsWith('.internal')",
            message: 'addresses must be private',
          },
          {
            rule: "!has(self.pair) || int(self.pair.split('-')[1]) == self.size",
            message: 'the second half of pair must be the size',
          },
          { rule: "!has(self.tags) || self.tags.all(t, size(t) <= 8) && !self.tags.exists(t, t == 'never')" },
          {
            rule: "!has(self.mode) || (self.mode == 'Fast' ? self.size > 1 : self.mode in ['Slow', 'Steady'])",
            message: 'fast needs a size above 1',
          },
        ],
        properties: {
          size: { type: 'integer', minimum: 0, maximum: 100 },
          limit: { type: 'integer', default: 100 },
          ratio: { type: 'number', exclusiveMinimum: true, minimum: 0 },
          owner: { type: 'string', minLength: 1, maxLength: 8 },
          mode: { type: 'string', enum: ['Fast', 'Slow', 'Steady'] },
          address: { type: 'string', pattern: '^[a-z0-9.]+$' },
          pair: { type: 'string' },
          fixed: {
            type: 'string',
            'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is immutable' }],
          },
          port: { 'x-kubernetes-int-or-string': true, default: 'traffic-port' },
          maybe: { type: 'string', nullable: true },
          when: { type: 'string', format: 'date-time' },
          claim: {
            type: 'object',
            required: ['namespace'],
            properties: {
              namespace: { type: 'string' },
              name: { type: 'string' },
              exposed: { type: 'boolean', default: false },
            },
          },
          tags: {
            type: 'array',
            maxItems: 3,
            'x-kubernetes-list-type': 'set',
            items: { type: 'string', maxLength: 20 },
          },
          parts: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: {
              type: 'object',
              required: ['name'],
              properties: {
                name: { type: 'string' },
                weight: {
                  type: 'integer',
                  default: 1,
                  'x-kubernetes-validations': [{ rule: 'self >= oldSelf', message: 'weights only grow' }],
                },
              },
            },
          },
          labels: { type: 'object', additionalProperties: { type: 'string' } },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
      status: {
        type: 'object',
        properties: {
          phase: { type: 'string' },
          observedGeneration: { type: 'integer' },
          conditions: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['type'],
            items: {
              type: 'object',
              required: ['type', 'status'],
              properties: {
                type: { type: 'string' },
                status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
                reason: { type: 'string' },
              },
            },
          },
        },
      },
    },
  };
}
