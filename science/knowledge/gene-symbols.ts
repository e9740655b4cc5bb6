import { geneticEffectAt, withoutGuidePrefix } from "./genetic-words.ts";
import type { Knowledge } from "./knowledge.ts";
import { joined, labelKey, tokenise } from "./tokens.ts";
import type { Token } from "./tokens.ts";
import { vocabulary } from "./vocabularies.ts";

/** The approved symbol of the human gene that a name means: HGNC's, and those of the knowledge. */
export interface GeneSymbols {
  /** By key (see labelKey), as in a label that can name nothing but a gene. */
  get(key: string): string | undefined;
  /**
   * In running text, where many aliases are words too ("cat", "impact", "rest"): such a word counts
   * with a capital or a digit only, and a name that HGNC alone has in one piece.
   */
  at(tokens: readonly Token[], text: string): string | undefined;
  /** Of a guide against it ("sgSTAT1", "siRELA"); SHARPIN is no guide against ARPIN. */
  guided(tokens: readonly Token[], text: string): string | undefined;
}

/** A guide's prefix is small, the symbol behind it large. */
const GUIDE = /^(?:sg|si|sh)\p{Lu}/u;

/** A shorter one in small letters ("ran", "was") is a word that is too short to be listed. */
const SHORTEST_SMALL = 4;

export function geneSymbols(knowledge: Knowledge): GeneSymbols {
  const curated = curatedSymbols(knowledge);
  const known = (key: string): string | undefined => vocabulary("genes").find(key)?.name;
  return {
    get: (key) => curated.get(key) ?? known(key),
    at(tokens, text) {
      const key = joined(tokens).asWritten;
      const written = text.slice(tokens[0]?.start, tokens.at(-1)?.end);
      const isOnePiece = !/\s/.test(written) && !/\p{Script=Han}/u.test(written);
      const isWord = !/[\p{Lu}\d]/u.test(written) && vocabulary("words").find(key) !== null;
      if (isWord) return undefined;
      const isShort = key.length < SHORTEST_SMALL && !/[\p{Lu}\d]/u.test(written);
      return curated.get(key) ?? (isOnePiece && !isShort ? known(key) : undefined);
    },
    guided(tokens, text) {
      const key = joined(tokens).asWritten;
      const target = withoutGuidePrefix(key);
      if (target === null) return undefined;
      if (GUIDE.test(text.slice(tokens[0]?.start))) return curated.get(target) ?? known(target);
      return known(key) === undefined ? curated.get(target) : undefined;
    },
  };
}

function curatedSymbols(knowledge: Knowledge): Map<string, string> {
  const symbols = new Map<string, string>();
  const add = (name: string, symbol: string): void => {
    const key = labelKey(name);
    if (!symbols.has(key)) symbols.set(key, symbol);
  };
  for (const { genes } of knowledge.pathways) for (const gene of genes) add(gene, gene);
  for (const entry of knowledge.perturbations) {
    for (const { gene } of [...entry.targets, ...entry.response]) add(gene, gene);
    const own = entry.external_ids["hgnc"];
    if (own !== undefined)
      for (const name of [own, ...entry.synonyms]) if (saysOnlyTheGene(name)) add(name, own);
  }
  return symbols;
}

/** Names such as "MYC OE" or "KRAS G12D" say more than the gene. */
function saysOnlyTheGene(name: string): boolean {
  return tokenise(name).every((_, index, tokens) => geneticEffectAt(tokens, index) === null);
}
