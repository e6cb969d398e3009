/**
 * Lets long texts be wrapped in the source: lines are joined, blank lines separate paragraphs.
 */

export function prose(text: string): string {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((paragraph) => paragraph.trim().replace(/\s+/g, ' '))
    .join('\n\n')
}
