import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { healthyChange, setEnvironment, sickChange } from '../change.ts';

const compose = `services:
  mongo:
    environment:
      LOG_LEVEL: info
  adonisjs:
    image: x # kept
    environment:
      LOG_LEVEL: info
      PORT: 3333
  nextjs:
    image: y
`;

describe('setEnvironment', () => {
  it('replaces a variable of the named service only and keeps the rest of the text', () => {
    const text = setEnvironment(compose, 'adonisjs', 'LOG_LEVEL', 'deafening');
    const { services } = parse(text);
    expect(services.adonisjs.environment).toEqual({ LOG_LEVEL: 'deafening', PORT: 3333 });
    expect(services.mongo.environment).toEqual({ LOG_LEVEL: 'info' });
    expect(text).toContain('image: x # kept');
  });

  it('adds a variable that is not there, also in the last service of a file', () => {
    const last = 'services:\n  web:\n    environment:\n      A: 1\n';
    expect(parse(setEnvironment(last, 'web', 'B', 'two')).services.web.environment).toEqual({ A: 1, B: 'two' });
  });

  it('says what it misses', () => {
    expect(() => setEnvironment(compose, 'other', 'A', 'b')).toThrow('has no service other');
    expect(() => setEnvironment(compose, 'nextjs', 'A', 'b')).toThrow('service nextjs has no mapping "environment"');
  });
});

describe('changes', () => {
  it('differ for two pushes', () => {
    const lesson = 'x = [\n  {\n    sentences: [\n      "a",\n    ],\n';
    expect(healthyChange('1').edit(lesson)).not.toBe(healthyChange('2').edit(lesson));
    expect(() => healthyChange('1').edit('nothing')).toThrow('has no list of sentences');
  });

  it('break the last stage of a build', () => {
    const text = sickChange('build').edit('# x\nFROM a AS one\nRUN 1\nFROM b\nCOPY c\n');
    expect(text).toBe('# x\nFROM a AS one\nRUN 1\nFROM b\nRUN ["node", "-e", "process.exit(1)"]\nCOPY c\n');
    expect(() => sickChange('build').edit('nothing')).toThrow('no FROM line');
  });
});
