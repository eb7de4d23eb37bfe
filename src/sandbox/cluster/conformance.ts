import { after, before, describe } from 'node:test';
import type { KubeTransport } from '../../kube/transport.ts';
import { type Api, createApi, type Loose } from './conformance/api.ts';
import { applyCases } from './conformance/apply-cases.ts';
import { createCases } from './conformance/create-cases.ts';
import { customResourceCases } from './conformance/custom-resource-cases.ts';
import { deleteCases } from './conformance/delete-cases.ts';
import { garbageCases } from './conformance/garbage-cases.ts';
import { kindCases } from './conformance/kind-cases.ts';
import { limitCases } from './conformance/limit-cases.ts';
import { listCases } from './conformance/list-cases.ts';
import { patchCases } from './conformance/patch-cases.ts';
import { definitions } from './conformance/samples.ts';
import { tableCases } from './conformance/table-cases.ts';
import { updateCases } from './conformance/update-cases.ts';
import { watchCases } from './conformance/watch-cases.ts';

/** An API server under test; `close` ends what `open` began. */
export interface ConformanceTarget {
  transport: Pick<KubeTransport, 'request'>;
  close(): Promise<void>;
}

/**
 * Registers the conformance suite: what clients of the simulated API may rely on, each case true on a real
 * kube-apiserver too. `open` gets ready the server that `title` names.
 */
export function conformance(title: string, open: () => Promise<ConformanceTarget>): void {
  describe(`Kubernetes API conformance: ${title}`, () => {
    let target: ConformanceTarget;
    let opened: Api;
    const api = () => opened;

    before(async () => {
      target = await open();
      const run = process.hrtime.bigint().toString(36).slice(-6);
      const namespace = `conformance-${run}`;
      opened = createApi(target.transport, namespace, run);
      await opened.post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      for (const definition of definitions) await define(opened, definition);
    });

    after(async () => {
      await opened?.remove(`/api/v1/namespaces/${opened.namespace}`);
      for (const definition of definitions) {
        await opened?.remove(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`);
      }
      await target?.close();
    });

    describe('create', () => createCases(api));
    describe('update', () => updateCases(api));
    describe('patch', () => patchCases(api));
    describe('server-side apply', () => applyCases(api));
    describe('delete', () => deleteCases(api));
    describe('owners', () => garbageCases(api));
    describe('list', () => listCases(api));
    describe('tables', () => tableCases(api));
    describe('watch', () => watchCases(api));
    describe('custom resources', () => customResourceCases(api));
    describe('built-in kinds', () => kindCases(api));
    describe('limits', () => limitCases(api));
  });
}

async function define({ post, get, eventually }: Api, definition: Loose): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const answer = await post(path, definition);
  if (answer.status !== 201 && answer.status !== 409)
    throw new Error(`The definition was refused: ${answer.body.message}`);
  const { group, names } = definition.spec;
  await eventually(async () => {
    const { body } = await get(`${path}/${definition.metadata.name}`);
    const conditions = body.status?.conditions ?? [];
    if (!conditions.some((item: Loose) => item.type === 'Established' && item.status === 'True')) return false;
    return (await get(`/apis/${group}/v1/${names.plural}`)).status === 200;
  });
}
