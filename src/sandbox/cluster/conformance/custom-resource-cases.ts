import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Answer, Api, Loose } from './api.ts';
import { definitions, gadgetsPath, widget, widgetGroup, widgets } from './samples.ts';

const causes = (answer: Answer): string[] =>
  (answer.body.details?.causes ?? []).map((cause: Loose) => `${cause.field}: ${cause.message}`);

/** Custom resources: defaults, pruning, schemas, rules, definitions. */
export function customResourceCases(api: () => Api): void {
  const make = async (spec: Loose, metadata: Loose = {}, query = '') => {
    const { at, name, post } = api();
    return await post(`${at(widgets)}${query}`, widget(name('w'), spec, metadata));
  };
  const made = async (spec: Loose) => {
    const answer = await make(spec);
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return { path: api().at(widgets, answer.body.metadata.name), body: answer.body };
  };

  it('defaults are filled in, nested ones where their parent is there', async () => {
    const { body } = await made({ claim: { namespace: 'a' }, parts: [{ name: 'x' }] });
    assert.deepEqual(body.spec, {
      size: 1,
      limit: 100,
      port: 'traffic-port',
      claim: { namespace: 'a', exposed: false },
      parts: [{ name: 'x', weight: 1 }],
    });
  });

  it('a null counts as absent where null is not allowed, and stays where it is', async () => {
    const { body } = await made({ limit: null, owner: null, maybe: null });
    assert.equal(body.spec.limit, 100);
    assert.ok(!('owner' in body.spec));
    assert.equal(body.spec.maybe, null);
  });

  it('unknown fields are dropped, with a warning, and kept where the schema says so', async () => {
    const answer = await make({ unknown: 1, claim: { namespace: 'a', deep: true }, free: { any: { thing: 1 } } });
    assert.equal(answer.status, 201);
    assert.equal(answer.body.spec.unknown, undefined);
    assert.equal(answer.body.spec.claim.deep, undefined);
    assert.deepEqual(answer.body.spec.free, { any: { thing: 1 } });
    assert.match(answer.headers.warning ?? '', /unknown field \\?"spec\.unknown\\?"/);
    assert.match(answer.headers.warning ?? '', /unknown field \\?"spec\.claim\.deep\\?"/);
  });

  it('fieldValidation=Ignore says nothing of unknown fields, Strict refuses them', async () => {
    const ignored = await make({ unknown: 1 }, {}, '?fieldValidation=Ignore');
    assert.equal(ignored.status, 201);
    assert.equal(ignored.headers.warning, undefined);
    const strict = await make({ unknown: 1 }, {}, '?fieldValidation=Strict');
    assert.equal(strict.status, 400);
    assert.match(strict.body.message, /strict decoding error: unknown field "spec.unknown"/);
    const odd = await make({}, {}, '?fieldValidation=Perhaps');
    assert.equal(odd.status, 422);
  });

  it('a strict patch with an unknown field answers 422', async () => {
    const { path } = await made({});
    const answer = await api().merge(`${path}?fieldValidation=Strict`, { spec: { unknown: 1 } });
    assert.equal(answer.status, 422);
    assert.match(answer.body.message, /strict decoding error: unknown field "spec.unknown"/);
  });

  it('a required field that misses', async () => {
    const { at, name, post } = api();
    const object = widget(name('w'));
    delete object.spec.size;
    const answer = await post(at(widgets), object);
    assert.equal(answer.status, 422);
    assert.equal(answer.body.reason, 'Invalid');
    assert.equal(answer.body.details.kind, 'Widget');
    assert.equal(answer.body.details.group, widgetGroup);
    assert.ok(causes(answer).includes('spec.size: Required value'), causes(answer).join('\n'));
    assert.match(answer.body.message, new RegExp(`^Widget.${widgetGroup} "${object.metadata.name}" is invalid: `));
  });

  it('values of a wrong type', async () => {
    const expected: [Loose, string][] = [
      [{ size: 'many' }, 'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'],
      [{ size: 1.5 }, 'spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"'],
      [{ owner: 5 }, 'spec.owner: Invalid value: "integer": spec.owner in body must be of type string: "integer"'],
      [{ tags: 'a' }, 'spec.tags: Invalid value: "string": spec.tags in body must be of type array: "string"'],
      [{ claim: [] }, 'spec.claim: Invalid value: "array": spec.claim in body must be of type object: "array"'],
    ];
    for (const [spec, message] of expected) {
      const answer = await make(spec);
      assert.equal(answer.status, 422, JSON.stringify(spec));
      assert.ok(causes(answer).includes(message), `${message}\n${causes(answer).join('\n')}`);
    }
  });

  it("bounds, patterns, enums and lengths in the server's words", async () => {
    const expected: [Loose, string][] = [
      [{ size: 101 }, 'spec.size: Invalid value: 101: spec.size in body should be less than or equal to 100'],
      [{ size: -1 }, 'spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0'],
      [{ ratio: 0 }, 'spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0'],
      [{ owner: 'far-too-long' }, 'spec.owner: Too long: may not be more than 8 bytes'],
      [{ owner: '' }, 'spec.owner: Invalid value: "": spec.owner in body should be at least 1 chars long'],
      [{ mode: 'Odd' }, 'spec.mode: Unsupported value: "Odd": supported values: "Fast", "Slow", "Steady"'],
      [{ address: 'A B' }, 'spec.address: Invalid value: "A B": spec.address in body should match \'^[a-z0-9.]+$\''],
      [{ tags: ['a', 'b', 'c', 'd'] }, 'spec.tags: Too many: 4: must have at most 3 items'],
      [{ tags: ['a', 'a'] }, 'spec.tags[1]: Duplicate value: "a"'],
      [{ parts: [{ name: 'x' }, { name: 'x' }] }, 'spec.parts[1]: Duplicate value: {"name":"x"}'],
      [{ when: 'soon' }, 'spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"'],
    ];
    for (const [spec, message] of expected) {
      const answer = await make(spec);
      assert.equal(answer.status, 422, JSON.stringify(spec));
      assert.ok(causes(answer).includes(message), `${message}\n${causes(answer).join('\n')}`);
    }
  });

  it('an int-or-string takes both and nothing else', async () => {
    assert.equal((await make({ port: 80 })).body.spec.port, 80);
    assert.equal((await make({ port: 'http' })).body.spec.port, 'http');
    assert.equal((await make({ port: true })).status, 422);
  });

  it('rules refuse what they forbid, with their message', async () => {
    const expected: [Loose, string][] = [
      [{ size: 5, limit: 4 }, 'spec: Invalid value: size must not be above limit'],
      [{ claim: { namespace: 'kube-system' } }, 'spec: Invalid value: claims of kube-system are refused'],
      [{ address: 'example.com' }, 'spec: Invalid value: addresses must be private'],
      [{ size: 2, pair: 'a-3' }, 'spec: Invalid value: the second half of pair must be the size'],
      [
        { tags: ['never'] },
        "spec: Invalid value: failed rule: !has(self.tags) || self.tags.all(t, size(t) <= 8) && !self.tags.exists(t, t == 'never')",
      ],
      [{ mode: 'Fast', size: 1 }, 'spec: Invalid value: fast needs a size above 1'],
    ];
    for (const [spec, message] of expected) {
      const answer = await make(spec);
      assert.equal(answer.status, 422, JSON.stringify(spec));
      assert.deepEqual(causes(answer), [message]);
    }
    for (const spec of [
      { address: '10.1' },
      { address: 'a.internal' },
      { size: 3, pair: 'a-3' },
      { mode: 'Fast', size: 2 },
    ]) {
      assert.equal((await make(spec)).status, 201, JSON.stringify(spec));
    }
  });

  it("rules at the root see the object's name", async () => {
    const { at, post } = api();
    const answer = await post(at(widgets), widget('bad-name'));
    assert.equal(answer.status, 422);
    assert.deepEqual(causes(answer), ['<nil>: Invalid value: names must not begin with bad-']);
  });

  it('a rule that fails while it runs refuses the object', async () => {
    const answer = await make({ pair: 'no dash' });
    assert.equal(answer.status, 422);
    assert.match(
      causes(answer)[0]!,
      /^spec: Invalid value: .*index out of bounds.* evaluating rule: the second half of pair/,
    );
  });

  it('transition rules compare with the former state and leave creation alone', async () => {
    const { path } = await made({ owner: 'me', fixed: 'a' });
    const { merge } = api();
    const owner = await merge(path, { spec: { owner: 'you' } });
    assert.equal(owner.status, 422);
    assert.deepEqual(causes(owner), ['spec: Invalid value: owner can be set but not changed']);
    assert.equal((await merge(path, { spec: { owner: null } })).status, 422);
    const fixed = await merge(path, { spec: { fixed: 'b' } });
    assert.deepEqual(causes(fixed), ['spec.fixed: Invalid value: "b": fixed is immutable']);
    assert.equal((await merge(path, { spec: { size: 5 } })).status, 200);
    const taken = await merge(path, { spec: { fixed: null } });
    assert.equal(taken.status, 200);
    assert.equal((await merge(path, { spec: { fixed: 'c' } })).status, 200);
  });

  it('transition rules find the items of a map list by their keys', async () => {
    const { path } = await made({
      parts: [
        { name: 'x', weight: 5 },
        { name: 'y', weight: 5 },
      ],
    });
    const { merge } = api();
    const moved = await merge(path, {
      spec: {
        parts: [
          { name: 'y', weight: 6 },
          { name: 'x', weight: 5 },
        ],
      },
    });
    assert.equal(moved.status, 200);
    const shrunk = await merge(path, {
      spec: {
        parts: [
          { name: 'y', weight: 6 },
          { name: 'x', weight: 4 },
        ],
      },
    });
    assert.deepEqual(causes(shrunk), ['spec.parts[1].weight: Invalid value: 4: weights only grow']);
  });

  it('rules are not looked at where the types are wrong', async () => {
    const answer = await make({ size: 'many', limit: 0 });
    assert.ok(
      causes(answer).some(cause => cause.includes('some validation rules were not checked')),
      causes(answer).join('\n'),
    );
  });

  it('a status write is judged by transition rules of the whole object, and passes where spec is untouched', async () => {
    const { path } = await made({ owner: 'me', fixed: 'a' });
    const answer = await api().merge(`${path}/status`, { spec: { owner: 'you' }, status: { phase: 'Fine' } });
    assert.equal(answer.status, 200);
    assert.equal(answer.body.spec.owner, 'me');
  });

  it('cluster-scoped custom resources are served without a namespace', async () => {
    const { post, name, get, remove } = api();
    const object = {
      apiVersion: `${widgetGroup}/v1`,
      kind: 'Gadget',
      metadata: { name: name('gadget') },
      spec: { anything: [1, { a: 'b' }] },
    };
    const answer = await post(gadgetsPath, object);
    assert.equal(answer.status, 201);
    assert.equal(answer.body.metadata.namespace, undefined);
    assert.deepEqual(answer.body.spec, object.spec);
    assert.equal((await get(`${gadgetsPath}/${object.metadata.name}`)).status, 200);
    assert.equal((await get(api().at(`gadgets.${widgetGroup}/v1`))).status, 404);
    await remove(`${gadgetsPath}/${object.metadata.name}`);
  });

  it('a definition gets its names and its conditions', async () => {
    const { body } = await api().get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.${widgetGroup}`);
    assert.equal(body.spec.names.listKind, 'WidgetList');
    assert.deepEqual(body.status.storedVersions, ['v1']);
    assert.ok(body.status.conditions.some((item: Loose) => item.type === 'Established' && item.status === 'True'));
  });

  it('a definition with a rule that does not compile, or a name that does not fit, is refused', async () => {
    const { post } = api();
    const copy: Loose = JSON.parse(JSON.stringify(definitions[1]));
    copy.metadata.name = `refused.${widgetGroup}`;
    copy.spec.names = { plural: 'refused', kind: 'Refused' };
    copy.spec.versions[0].schema.openAPIV3Schema.properties.status['x-kubernetes-validations'] = [
      { rule: 'self.phase ==' },
    ];
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const rule = await post(path, copy);
    assert.equal(rule.status, 422);
    assert.match(rule.body.message, /compilation failed/);
    const unknown = JSON.parse(JSON.stringify(copy));
    unknown.spec.versions[0].schema.openAPIV3Schema.properties.status['x-kubernetes-validations'] = [
      { rule: 'other == 1' },
    ];
    assert.equal((await post(path, unknown)).status, 422);
    const named = JSON.parse(JSON.stringify(definitions[1]));
    named.metadata.name = `other.${widgetGroup}`;
    const name = await post(path, named);
    assert.equal(name.status, 422);
    assert.ok(causes(name).some(cause => cause.startsWith('metadata.name: ')));
  });

  it('a stricter definition does not lock up what was stored before it', async () => {
    const { post, get, merge, eventually } = api();
    const copy: Loose = JSON.parse(JSON.stringify(definitions[1]));
    const root = copy.spec.versions[0].schema.openAPIV3Schema;
    copy.metadata.name = `laters.${widgetGroup}`;
    copy.spec.names = { plural: 'laters', kind: 'Later' };
    root.properties.spec = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'string' } } };
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    assert.equal((await post(path, copy)).status, 201);
    const objects = `/apis/${widgetGroup}/v1/laters`;
    const object = {
      apiVersion: `${widgetGroup}/v1`,
      kind: 'Later',
      metadata: { name: 'one' },
      spec: { a: 50, b: 'x' },
    };
    await eventually(async () => (await post(objects, object)).status === 201);
    root.properties.spec.properties.a.maximum = 10;
    root.properties.spec['x-kubernetes-validations'] = [{ rule: 'self.a <= 10', message: 'a is too large' }];
    await merge(`${path}/${copy.metadata.name}`, { spec: { versions: copy.spec.versions } });
    await eventually(async () => (await post(objects, { ...object, metadata: { name: 'two' } })).status === 422);
    const labelled = await merge(`${objects}/one`, { metadata: { labels: { a: 'b' } } });
    assert.equal(labelled.status, 200, JSON.stringify(labelled.body));
    const changed = await merge(`${objects}/one`, { spec: { b: 'y' } });
    assert.deepEqual(causes(changed), ['spec: Invalid value: a is too large']);
    assert.equal((await merge(`${objects}/one`, { spec: { a: 60 } })).status, 422);
    assert.equal((await merge(`${objects}/one`, { spec: { a: 9, b: 'y' } })).status, 200);
    assert.equal((await get(`${objects}/one`)).body.spec.a, 9);
    await api().remove(`${path}/${copy.metadata.name}`);
  });

  it('a definition that is deleted takes its objects along', async () => {
    const { post, get, remove, eventually } = api();
    const copy: Loose = JSON.parse(JSON.stringify(definitions[1]));
    copy.metadata.name = `passings.${widgetGroup}`;
    copy.spec.names = { plural: 'passings', kind: 'Passing' };
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    assert.equal((await post(path, copy)).status, 201);
    const objects = `/apis/${widgetGroup}/v1/passings`;
    await eventually(async () => (await get(objects)).status === 200);
    const object = { apiVersion: `${widgetGroup}/v1`, kind: 'Passing', metadata: { name: 'one' } };
    await eventually(async () => (await post(objects, object)).status === 201);
    const answer = await remove(`${path}/${copy.metadata.name}`);
    assert.equal(answer.status, 200);
    await eventually(async () => (await get(`${path}/${copy.metadata.name}`)).status === 404);
    await eventually(async () => (await get(objects)).status === 404);
  });
}
