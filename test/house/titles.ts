/** Whether a source has a test of that title: its own, or with the title of a suite of the file before it. */
export function hasTest(source: string, title: string): boolean {
  const tests = titlesIn(source, 'test|it');
  const suites = titlesIn(source, 'describe');
  return tests.some(own => own('').test(title) || suites.some(suite => suite(own('').source.slice(1)).test(title)));
}

/** Titles as patterns: what is put into a template may be anything. */
function titlesIn(source: string, callee: string): ((after: string) => RegExp)[] {
  const calls = source.matchAll(new RegExp(`\\b(?:${callee})\\(\\s*(['"\`])((?:\\\\.|(?!\\1).)*)\\1`, 'gs'));
  return [...calls].map(([, , text = '']) => {
    const parts = text.replace(/\\(.)/gs, '$1').split(/\$\{[^}]*\}/);
    const pattern = parts.map(part => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('.+');
    return (after: string) => new RegExp(after === '' ? `^${pattern}$` : `^${pattern} ${after}`, 's');
  });
}
