import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortWish } from '../api/claim.ts';
import type { NLBPort } from '../api/port.ts';
import { freePorts } from './allocate.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';
import { allocateWishes, type PortPlan, planPorts, reusing, standIns, wholePlan } from './port-plan.ts';

const [a, b] = [arnOf('a'), arnOf('b')];
const wish = (name: string, number?: number): PortWish => ({
  name,
  targetPort: 7777,
  protocol: 'UDP',
  ...(number === undefined ? {} : { number }),
});
const held = (number: number, portName: string, arn = a) =>
  aPort(number, { arn, spec: { claim: aClaim('web', { portName }) } });
const numbers = (ports: readonly { spec: { port: number } }[]) => ports.map(({ spec }) => spec.port);

test('planPorts() keeps by name what has no number, drops what is wished no more, and tells what is missing', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y')], [wish('y'), wish('z')]);
  assert.deepEqual(
    plan.kept.map(({ port, wish: each }) => [port.spec.port, each.name]),
    [[2, 'y']],
  );
  assert.deepEqual(numbers(plan.dropped), [1]);
  assert.deepEqual(plan.missing, [wish('z')]);
});

test('planPorts() keeps by number what has one, whatever its name is now', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y')], [wish('renamed', 1), wish('y', 3)]);
  assert.deepEqual(numbers(plan.kept.map(({ port }) => port)), [1]);
  assert.deepEqual(numbers(plan.dropped), [2]);
  assert.deepEqual(plan.missing, [wish('y', 3)]);
});

test('planPorts() never keeps a set that is spread over load balancers', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y', b)], [wish('x'), wish('y')]);
  assert.deepEqual(numbers(plan.kept.map(({ port }) => port)), [1]);
  assert.deepEqual(numbers(plan.dropped), [2]);
});

const told = (names: Record<number, string>) => (port: NLBPort) => names[port.spec.port];
const pairs = (kept: PortPlan<PortWish>['kept']) => kept.map(({ port, wish: { name } }) => `${port.spec.port} ${name}`);

test('planPorts() keeps by the name that was told last, in the order of the wishes', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y')], [wish('y'), wish('z'), wish('x')], told({ 1: 'z', 2: 'y' }));
  assert.deepEqual(pairs(plan.kept), ['2 y', '1 z']);
  assert.deepEqual(plan.missing, [wish('x')]);
});

test('planPorts() does not believe what was told where more would be missing by it', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y')], [wish('x'), wish('y')], told({ 1: 'y' }));
  assert.deepEqual(pairs(plan.kept), ['1 x', '2 y']);
});

test('standIns() has a port of a former name serve a wish of the same target port, or any that names no number', () => {
  const nobody = told({});
  const to = (number: number, portName: string, port: number) =>
    aPort(number, { spec: { claim: aClaim('web', { portName }), targets: [{ ip: '10.0.0.1', port }] } });
  const plan = planPorts([to(1, 'x', 7778), to(2, 'y', 7777)], [{ ...wish('a'), targetPort: 9 }, wish('b')]);
  assert.deepEqual(pairs(standIns(plan, nobody)).toSorted(), ['1 a', '2 b']);
  const numbered = planPorts([to(1, 'x', 7778), to(2, 'y', 7777)], [wish('x', 3), wish('b', 4), wish('c', 5)]);
  assert.deepEqual(pairs(standIns(numbered, nobody)), ['1 x', '2 b']);
  assert.deepEqual(pairs(standIns(numbered, told({ 1: 'gone', 2: 'c' }))), ['2 c']);
});

test('reusing() makes the stand-ins of wishes without a number their ports, and leaves numbers missing', () => {
  const plan = planPorts([held(1, 'x'), held(2, 'y')], [wish('y'), wish('a'), wish('b')]);
  const reused = reusing(plan, standIns(plan, told({})));
  assert.deepEqual([pairs(reused.kept), reused.dropped, reused.missing], [['2 y', '1 a'], [], [wish('b')]]);
  const numbered = planPorts([held(1, 'x')], [wish('x', 3)]);
  assert.deepEqual(reusing(numbered, standIns(numbered, told({}))), numbered);
});

test('wholePlan() finds the load balancer that has every port, beside what is left on another', () => {
  const found = wholePlan([held(1, 'x'), held(2, 'x', b), held(3, 'y', b)], [wish('x'), wish('y')]);
  assert.deepEqual(numbers(found?.kept.map(({ port }) => port) ?? []), [2, 3]);
  assert.equal(wholePlan([held(1, 'x'), held(3, 'y', b)], [wish('x'), wish('y')]), undefined);
});

test('allocateWishes() gives the numbers that are wished, all on one load balancer, or nothing', () => {
  const free = freePorts(
    [a, b],
    [aPort(1, { arn: a }), aPort(2, { arn: a }), aPort(2, { arn: b }), aPort(3, { arn: b })],
    () => false,
  );
  const chosen = allocateWishes(free, [wish('x', 3), wish('y', 2)]);
  assert.deepEqual(
    chosen?.ports.map(({ spec }) => [spec.loadBalancer.arn, spec.port]),
    [
      [b, 3],
      [b, 2],
    ],
  );
  assert.deepEqual(numbers(chosen?.free.get(b) ?? []), []);
  assert.deepEqual(numbers(chosen?.free.get(a) ?? []), [1, 2]);
  assert.equal(allocateWishes(free, [wish('x', 1), wish('y', 3)]), undefined);
  assert.equal(allocateWishes(free, [wish('x', 9)]), undefined);
});

test('allocateWishes() never gives to a wish without number the number that another wishes', () => {
  const free = freePorts([a], [aPort(1), aPort(2)], () => false);
  assert.deepEqual(numbers(allocateWishes(free, [wish('any'), wish('fixed', 1)])?.ports ?? []), [2, 1]);
});

test('allocateWishes() takes back a number that is kept for the claimant, for the wish of its name alone', () => {
  const free = freePorts([a, b], [aPort(2)], () => false);
  const kept = [held(1, 'x')];
  assert.deepEqual(numbers(allocateWishes(free, [wish('x', 1), wish('y', 2)], kept)?.ports ?? []), [1, 2]);
  assert.equal(allocateWishes(free, [wish('other', 1)], kept), undefined);
});
