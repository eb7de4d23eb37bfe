import { Composer, type CST, Lexer, Parser, visit } from 'yaml';
import { badRequest, tooLarge } from './api-error.ts';
import type { Json } from './json.ts';
import { jsonBytes, maxBodyBytes, maxDepth, maxYamlBytes } from './limits.ts';

/** Each alias is looked up by a walk through the document. */
const maxAliases = 100;

/**
 * Reads the first document of a text in YAML or JSON, as a real API server reads bodies of that type: later documents
 * are ignored, of equal keys the last counts. Raises an ApiError for what it can't read, and for what would take the
 * parser too long: nesting, aliases.
 */
export function readYaml(text: string): Json {
  if (/^\s*[[{]/.test(text)) {
    try {
      return JSON.parse(text) as Json;
    } catch {
      // YAML in braces then.
    }
  }
  if (text.length > maxYamlBytes) throw tooLarge(`limit is ${maxYamlBytes}`);
  const tokens = tokensOf(text);
  // Unique keys would be checked by comparing each with each.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
  const [document] = composer.compose(tokens, true, text.length);
  if (document === undefined) return null;
  const [error] = document.errors;
  if (error) throw unreadable(error.message);
  let aliases = 0;
  visit(document, {
    Alias() {
      if (++aliases > maxAliases) throw unreadable('document contains excessive aliasing');
    },
  });
  const value = plainValue(() => document.toJS() as Json);
  if (jsonBytes(value, maxBodyBytes) > maxBodyBytes) throw unreadable('document contains excessive aliasing');
  // Into values of JSON alone, none of them shared.
  return JSON.parse(JSON.stringify(value ?? null)) as Json;
}

function* tokensOf(text: string): Generator<CST.Token> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    if (parser.stack.length > maxDepth) throw unreadable(`exceeded max depth of ${maxDepth}`);
  }
  yield* parser.end();
}

function plainValue(read: () => Json): Json {
  try {
    return read();
  } catch (error) {
    throw unreadable((error as Error).message);
  }
}

const unreadable = (why: string) => badRequest(`error converting YAML to JSON: yaml: ${why}`);
