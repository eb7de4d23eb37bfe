/** The first lines of a generated page. `source` says what to edit instead. */
export function pageHead(title: string, source: string): string {
  return `<!-- Generated from ${source} by "npm run generate". Edit that, not this page. -->\n# ${title}\n`;
}

/** A Markdown table. Cells are plain text with code spans; what else Markdown would read in them is made harmless. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

/** Text set as code; an empty text stays empty. */
export function code(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `\`${text}\``;
}

/** Plain text with code spans as Markdown: a lone star or angle bracket stays what it is. */
export function prose(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, at) => (at % 2 === 1 ? part : part.replace(/[*<]/g, '\\$&')))
    .join('');
}

function cell(text: string): string {
  return prose(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}
