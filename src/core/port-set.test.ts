import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NLBPort } from '../api/port.ts';
import { aClaim, aPort, arnOf } from './port.fixture.ts';
import { committedServiceSet, committedSet, findSet } from './port-set.ts';

const [a, b] = [arnOf('a'), arnOf('b')];
const held = (number: number, portName: string, arn = a) =>
  aPort(number, { arn, spec: { claim: aClaim('room', { portName }) } });
const namesOf = (ports: readonly NLBPort[]) => ports.map(port => port.metadata.name);
const numbersOf = (ports: readonly NLBPort[] | undefined) => ports?.map(port => port.spec.port);

test('findSet() finds one port for every name, in the order of the names, on one load balancer', () => {
  const ports = [held(5, 'game'), held(1, 'voice'), held(3, 'query'), held(2, 'game', b)];
  assert.deepEqual(numbersOf(findSet(ports, ['game', 'voice', 'query'])), [5, 1, 3]);
  assert.deepEqual(numbersOf(findSet(ports, ['voice'])), [1]);
});

test('findSet() puts nothing together from two load balancers', () => {
  assert.equal(findSet([held(1, 'game'), held(2, 'voice', b)], ['game', 'voice']), undefined);
  assert.equal(findSet([], ['game']), undefined);
});

test('committedSet() is the whole commit, in its order', () => {
  const ports = [held(1, 'game'), held(2, 'voice'), held(3, 'voice')];
  const committed = namesOf([ports[1]!, ports[0]!]);
  assert.deepEqual(numbersOf(committedSet(ports, committed, undefined)), [2, 1]);
  assert.deepEqual(numbersOf(committedSet(ports, committed, ['other'])), [2, 1], 'an edited wish changes nothing');
});

test('committedSet() is void as soon as one of the ports is lost', () => {
  const ports = [held(1, 'game'), held(2, 'voice')];
  assert.equal(committedSet([ports[0]!], namesOf(ports), ['game', 'voice']), undefined);
  assert.equal(committedSet([ports[0]!], namesOf(ports), undefined), undefined);
  assert.equal(committedSet(ports, [], ['game', 'voice']), undefined);
});

test('committedSet() takes no harm from names that someone added', () => {
  const ports = [held(1, 'game'), held(2, 'voice'), held(3, 'voice')];
  const forged = [...namesOf(ports), 'nlb-0123456789abcdef-1'];
  assert.deepEqual(numbersOf(committedSet(ports, forged, ['game', 'voice'])), [1, 2]);
});

test('committedServiceSet() stands though two of its ports were bound under one name', () => {
  const ports = [held(1, 'game'), held(2, 'game'), held(3, 'game', b)];
  const committed = namesOf([ports[1]!, ports[0]!]);
  assert.deepEqual(numbersOf(committedServiceSet(ports, committed, ['voice', 'game'])), [2, 1]);
  assert.equal(committedServiceSet(ports, namesOf([ports[0]!, ports[2]!]), ['voice', 'game']), undefined);
  assert.equal(committedServiceSet([ports[0]!], committed, ['voice', 'game']), undefined);
});
