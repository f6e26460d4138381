import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { interpolate, requiredNames } from '@delivery/stack';

const variables = { A: 'a', EMPTY: '', DOLLAR: '$B ${B}' };
const fill = (text: string): string => interpolate(text, variables, 'here');

describe('interpolate', () => {
  it.each([
    ['$A-${A}', 'a-a'],
    ['${A}b$A.c', 'aba.c'],
    ['$$A $$', '$A $'],
    ['$$${A}', '$a'],
    ['${EMPTY}|${EMPTY-d}|${EMPTY:-d}', '||d'],
    ['${NONE-d}|${NONE:-d}|${A:-d}|${A-d}', 'd|d|a|a'],
    ['${NONE:-}|${NONE-}', '|'],
    ['${A:+x}|${A+x}|${EMPTY:+x}|${EMPTY+x}|${NONE:+x}|${NONE+x}', 'x|x||x||'],
    ['${A:?e}|${A?e}|${EMPTY?e}', 'a|a|'],
    ['${NONE:-${A}-${ALSO:-z}}', 'a-z'],
    ['${NONE:-{"k":{}}}!', '{"k":{}}!'],
    ['${A:-{"k":{}}}!', 'a!'],
    ['${NONE:-a:b-c?d}', 'a:b-c?d'],
    ['${A:-$$}${NONE:-$$x}', 'a$x'],
    ['${DOLLAR}', '$B ${B}'],
    ['$1 $ $', '$1 $ $'],
    ['a}b{c', 'a}b{c'],
  ])('%s gives %s', (text, result) => {
    expect(fill(text)).toBe(result);
  });

  it.each([
    ['${NONE}', 'here: variable NONE is not set'],
    ['$NONE', 'here: variable NONE is not set'],
    ['${NONE?}', 'here: variable NONE is not set'],
    ['${NONE?because}', 'here: variable NONE is not set (because)'],
    ['${EMPTY:?of ${A}}', 'here: variable EMPTY is empty (of a)'],
    ['${toString}', 'variable toString is not set'],
    ['${', 'here: "${" does not begin a valid variable reference'],
    ['${}', 'valid variable reference'],
    ['${A', 'valid variable reference'],
    ['${A:-x', 'valid variable reference'],
    ['${A B}', 'valid variable reference'],
    ['${A:=x}', 'valid variable reference'],
    ['${1}', 'valid variable reference'],
  ])('refuses %s', (text, message) => {
    expect(() => fill(text)).toThrow(message);
  });

  it('changes nothing where there is no dollar', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('$'));
        expect(fill(text)).toBe(text);
        expect(requiredNames(text, '')).toEqual([]);
      }),
    );
  });

  it('fails for a name exactly where it is required', () => {
    const name = fc.constantFrom('P', 'Q', 'R');
    const reference = fc
      .tuple(name, fc.constantFrom('', ':?e', '?e', ':-d', '-d', ':+s', '+s'))
      .map(([variable, rest]) => ({
        text: `\${${variable}${rest}}`,
        variable,
        required: rest === '' || rest.includes('?'),
      }));
    fc.assert(
      fc.property(
        fc.array(fc.oneof(reference, fc.constantFrom({ text: ' $$ {', variable: '', required: false }))),
        (parts) => {
          const text = parts.map((part) => part.text).join('');
          const expected = [...new Set(parts.filter((part) => part.required).map((part) => part.variable))].sort();
          expect(requiredNames(text, '')).toEqual(expected);
          if (expected.length > 0) expect(() => interpolate(text, {}, '')).toThrow('is not set');
          else expect(interpolate(text, {}, '')).not.toContain('${');
          expect(() => interpolate(text, { P: '1', Q: '1', R: '1' }, '')).not.toThrow();
        },
      ),
    );
  });
});

describe('requiredNames', () => {
  it('lists what has no default, not what stands in a default', () => {
    expect(requiredNames('$B ${A} ${C:?x} ${D?} ${E:-x} ${F-x} ${G:+x} ${H:-${I}} $$J ${A}', '')).toEqual([
      'A',
      'B',
      'C',
      'D',
    ]);
  });
});
