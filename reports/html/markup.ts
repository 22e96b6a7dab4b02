// Markup as values: a template tag that escapes everything it is given, so that no id or message can become HTML.

/** A piece of markup that is already safe. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** What may stand in a template. Lists are joined; `undefined` and `false` are nothing. */
export type Part = Html | string | number | false | undefined | readonly Part[];

/** Builds markup; every interpolated text is escaped, markup is kept. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  let text = strings[0] ?? '';
  parts.forEach((part, i) => {
    text += render(part) + (strings[i + 1] ?? '');
  });
  return new Html(text);
}

/** Nothing. */
export const NOTHING = new Html('');

/** How the state of a suite or a case reads: a sign and words beside the colour. */
export const STATES = {
  pass: { sign: '✓', words: 'held' },
  fail: { sign: '✗', words: 'failed' },
  error: { sign: '!', words: 'could not run' },
  inconclusive: { sign: '?', words: 'undecided' },
  skip: { sign: '○', words: 'nothing ran' },
  slower: { sign: '↓', words: 'slower' },
} as const;

/** A table with a caption for those who cannot see where it stands. The first column names the row. */
export function table(
  caption: string,
  head: readonly Part[],
  rows: readonly (readonly Part[])[],
  css = '',
): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="${css}">
<caption class="unseen">${caption}</caption>
<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...rest]) =>
      html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
  )}</tbody></table></div>`;
}

/** A section with an anchor. */
export function section(id: string, title: string, lead: Part, body: Part): Html {
  return html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>
${lead ? html`<p class="lead">${lead}</p>` : NOTHING}${body}</section>\n`;
}

/** The table behind a chart, folded away. */
export function behind(summary: string, body: Part): Html {
  return html`<details><summary>${summary}</summary>${body}</details>`;
}

function render(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'number') return String(part);
  if (typeof part === 'string') return escapeText(part);
  return part.map(render).join('');
}

function escapeText(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
