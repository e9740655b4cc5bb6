import { geneSetPage } from "../knowledge/gene-sets.ts";

/** The page of something that a source names. */
export interface SourceLink {
  readonly text: string;
  readonly url: string;
}

const NAMED = /\bPMID:? ?\d{1,12}\b|\bGSE\d{1,9}\b|\bR-HSA-\d{1,12}\b|\bGO:\d{7}\b/g;

function pageOf(name: string): string | null {
  const digits = /\d+$/.exec(name)?.[0] ?? "";
  if (name.startsWith("PMID")) return `https://pubmed.ncbi.nlm.nih.gov/${digits}/`;
  if (name.startsWith("GSE"))
    return `https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE${digits}`;
  return geneSetPage(name);
}

/** Articles, data sets and pathways that a source names, in order. */
export const linksIn = (source: string): readonly SourceLink[] =>
  [...source.matchAll(NAMED)].flatMap(([text]) => {
    const url = pageOf(text);
    return url === null ? [] : [{ text, url }];
  });

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** HTML of a source: its text escaped, what it names as links. */
export function linkedSource(source: string): string {
  let html = "";
  let rest = source;
  for (const { text, url } of linksIn(source)) {
    const at = rest.indexOf(text);
    html += `${escaped(rest.slice(0, at))}<a href="${escaped(url)}" target="_blank" rel="noopener noreferrer">${text}</a>`;
    rest = rest.slice(at + text.length);
  }
  return html + escaped(rest);
}
