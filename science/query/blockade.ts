import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import type { Mention, Sentence } from "./mentions.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * "IL-6 blockade" and "anti-IL-6" do not ask for IL-6: such a mention is replaced by the drugs of
 * the knowledge that inhibit the cytokine, its receptor or the gene; without any it is dropped and
 * its words are free again.
 */
export function readBlockades(
  mentions: readonly Mention[],
  sentence: Sentence,
  knowledge: Knowledge,
  vocabulary: Vocabulary,
): Mention[] {
  return mentions.flatMap((mention) => {
    const { meaning, name } = mention;
    if (
      meaning.kind !== "perturbation" ||
      meaning.entry === null ||
      meaning.entry.kind === "drug" ||
      name === null
    )
      return mention;
    const place = withBlockadeWord(mention, sentence, vocabulary);
    if (place === null) return mention;
    const entries = inhibitorsOf(meaning.entry, knowledge);
    if (entries.length > 0)
      return {
        ...mention,
        ...place,
        meaning: { kind: "ambiguous", entries, label: `inhibitor of ${meaning.entry.name}` },
      };
    sentence.taken.fill(0, mention.from, mention.to);
    return [];
  });
}

const LINKS = new Set(["of", "the", "von", "des", "der", "with", "by"]);
const LONGEST_CHINESE_WORD = 3;

function withBlockadeWord(
  { from, to }: Mention,
  { tokens }: Sentence,
  { blockade }: Vocabulary,
): { from: number; to: number } | null {
  let before = from - 1;
  while (before > 0 && LINKS.has(tokens[before]?.key ?? "")) before--;
  for (let length = 1; length <= LONGEST_CHINESE_WORD; length++) {
    const word = (start: number): string =>
      tokens
        .slice(Math.max(0, start), start + length)
        .map(({ key }) => key)
        .join("");
    if (blockade.has(word(to))) return { from, to: to + length };
    if (before + 1 >= length && blockade.has(word(before + 1 - length)))
      return { from: before + 1 - length, to };
  }
  return null;
}

/** Drugs against the cytokine itself come before those against its receptors. */
function inhibitorsOf(entry: PerturbationEntry, knowledge: Knowledge): PerturbationEntry[] {
  const own = entry.external_ids["hgnc"] ?? "";
  const receptors = new Set(entry.targets.map(({ gene }) => gene));
  const against = (isWanted: (gene: string) => boolean): PerturbationEntry[] =>
    knowledge.perturbations.filter(
      ({ kind, targets }) =>
        kind !== "genetic" &&
        targets.some(({ gene, action }) => action === "inhibits" && isWanted(gene)),
    );
  return [
    ...new Set([...against((gene) => gene === own), ...against((gene) => receptors.has(gene))]),
  ];
}
