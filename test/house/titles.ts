/** Whether a source has a test of that title: its own, or with the title of a suite of the file before it. */
export function hasTest(source: string, title: string): boolean {
  const tests = titlesIn(source, 'test|it');
  const suites = ['', ...titlesIn(source, 'describe').map(suite => `${suite} `)];
  return tests.some(own =>
    suites.some(suite => {
      const [, ...filledIn] = new RegExp(`^${suite}${own}$`, 's').exec(title) ?? [undefined, undefined];
      // What a template puts in is a text of the source too.
      return filledIn.every(text => text !== undefined && source.includes(text));
    }),
  );
}

/** Titles as patterns: what is put into a template may be anything. */
function titlesIn(source: string, callee: string): string[] {
  const calls = source.matchAll(new RegExp(`\\b(?:${callee})\\(\\s*(['"\`])((?:\\\\.|(?!\\1).)*)\\1`, 'gs'));
  return [...calls].map(([, , text = '']) => {
    const parts = text.replace(/\\(.)/gs, '$1').split(/\$\{[^}]*\}/);
    return parts.map(part => part.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('(.+)');
  });
}
