/**
 * The settings that a page of the documentation tells its reader to copy, taken from the page: a test that starts a server with
 * them proves the page. A snippet is a code block whose info string names it: ```ini milter.
 */
import { readFileSync } from 'node:fs'

/** With each of the replacements made, every one of which must be there. */
export function docSnippet(page: string, id: string, replacements: Readonly<Record<string, string>> = {}): string {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8')
  const found = [...text.matchAll(/^```[a-z0-9]+ (\S+)\n(.*?)^```$/gms)].find(([, name]) => name === id)?.[2]
  if (found === undefined) throw new Error(`docs/${page} has no snippet ${id}`)
  return Object.entries(replacements).reduce((snippet, [from, to]) => {
    if (!snippet.includes(from)) throw new Error(`the snippet ${id} of docs/${page} does not say ${from}`)
    return snippet.replaceAll(from, to)
  }, found)
}
