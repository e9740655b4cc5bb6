import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * "IL-6 blockade", "anti-IL-6" and "IL-36 receptor antagonist" do not ask for the cytokine, nor
 * "TLR4 agonists" for the gene: such a mention is replaced by what the knowledge holds that inhibits
 * or activates the cytokine, its receptor or the gene; without any it is dropped and its words are
 * free again, and what is inhibited is among the `unanswered`.
 */
export function readDirected(
  mentions: readonly Mention[],
  sentence: Sentence,
  knowledge: Knowledge,
  vocabulary: Vocabulary,
): { readonly mentions: readonly Mention[]; readonly unanswered: readonly Mention[] } {
  const unanswered: Mention[] = [];
  const read = mentions.flatMap((mention): Mention | Mention[] => {
    const { meaning, name } = mention;
    if (
      meaning.kind !== "perturbation" ||
      meaning.entry === null ||
      !ACTED_ON.has(meaning.entry.kind) ||
      name === null
    )
      return mention;
    const place = withActionWord(mention, sentence, vocabulary);
    if (place === null) return mention;
    const { action, from, to } = place;
    // "IL-4 activation" and "an IL-2 agonist" are treatments with the cytokine, or like it.
    if (action === "activates" && meaning.entry.kind === "cytokine") return mention;
    const entries = membersOf(meaning.entry, action, knowledge);
    if (entries.length > 0) {
      const { kind, external_ids, name: known } = meaning.entry;
      const acted = kind === "genetic" ? (external_ids["hgnc"] ?? name) : known;
      const label = `${action === "inhibits" ? "inhibitor" : "agonist"} of ${acted}`;
      return { ...mention, from, to, meaning: { kind: "ambiguous", entries, label } };
    }
    sentence.taken.fill(0, mention.from, mention.to);
    if (action === "inhibits") unanswered.push({ ...mention, from, to });
    return [];
  });
  return { mentions: read, unanswered };
}

const ACTED_ON: ReadonlySet<PerturbationEntry["kind"]> = new Set(["cytokine", "genetic"]);

type Action = "inhibits" | "activates";

interface Directed {
  readonly action: Action;
  readonly from: number;
  readonly to: number;
}

const LINKS = new Set(
  "of the von des der with by to for against gegen de du l d la le les del el los las contre contra receptor receptors rezeptor recepteur recepteurs"
    .split(" ")
    .map(labelKey),
);
/** "IL-6 receptor blockade", "TLR4 signalling inhibitor". */
const MIDDLES = new Set([
  "receptor",
  "receptors",
  "rezeptor",
  "signaling",
  "signalling",
  "pathway",
]);
/** "When STAT1 is inhibited." */
const IS = new Set(["is", "are", "was", "were", "being"]);
const INHIBITED = new Set(["inhibited", "blocked", "neutralised", "neutralized"]);
const LONGEST_CHINESE_WORD = 3;
const VERBS = new Set(["block", "blocks", "inhibit", "inhibits"]);

function withActionWord(
  { from, to }: Mention,
  { text, tokens }: Sentence,
  { blockade, agonism, stop_words }: Vocabulary,
): Directed | null {
  const actionOf = (word: string): Action | null => {
    if (blockade.has(word)) return "inhibits";
    return agonism.has(word) ? "activates" : null;
  };
  /** "IFN-beta blocks CXCL10" does not block IFN-beta. */
  const isVerb = (index: number): boolean => {
    const next = tokens[index + 1];
    const gap = text.slice(tokens[index]?.end, next?.start);
    return (
      VERBS.has(tokens[index]?.key ?? "") &&
      next !== undefined &&
      !stop_words.has(next.key) &&
      !/[.,;:?!]/.test(gap)
    );
  };
  let before = from - 1;
  while (before > 0 && LINKS.has(tokens[before]?.key ?? "")) before--;
  let after = to;
  while (MIDDLES.has(tokens[after]?.key ?? "")) after++;
  if (IS.has(tokens[after]?.key ?? "") && INHIBITED.has(tokens[after + 1]?.key ?? "")) after++;
  for (let length = 1; length <= LONGEST_CHINESE_WORD; length++) {
    const word = (start: number): string =>
      tokens
        .slice(Math.max(0, start), start + length)
        .map(({ key }) => key)
        .join("");
    const behind = isVerb(after) ? null : actionOf(word(after));
    if (behind !== null) return { action: behind, from, to: after + length };
    const ahead = before + 1 >= length ? actionOf(word(before + 1 - length)) : null;
    if (ahead !== null) return { action: ahead, from: before + 1 - length, to };
  }
  return null;
}

/** What acts on the thing itself comes before what acts on its receptors. */
function membersOf(
  entry: PerturbationEntry,
  action: Action,
  knowledge: Knowledge,
): PerturbationEntry[] {
  const own = entry.external_ids["hgnc"] ?? "";
  const receptors = new Set(entry.targets.map(({ gene }) => gene));
  const acting = (isWanted: (gene: string) => boolean): PerturbationEntry[] =>
    knowledge.perturbations.filter(
      ({ kind, targets }) =>
        kind !== "genetic" &&
        targets.some((target) => target.action === action && isWanted(target.gene)),
    );
  return [
    ...new Set([...acting((gene) => gene === own), ...acting((gene) => receptors.has(gene))]),
  ];
}
