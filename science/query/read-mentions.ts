import type { AtlasIndex } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { tokenise } from "../knowledge/tokens.ts";
import { nameOf } from "./ambiguities.ts";
import { readAmounts } from "./amounts.ts";
import { collectAtlasLabels } from "./atlas-labels.ts";
import { withoutNegated } from "./choose-mention.ts";
import { withoutCutShort, withoutOtherThings } from "./cut-short.ts";
import { readDirected } from "./directed.ts";
import { findGeneticMentions } from "./genetic-mentions.ts";
import { instructions } from "./instructions.ts";
import { withMarkers } from "./markers.ts";
import { findMentions } from "./mentions.ts";
import type { Mention, Sentence } from "./mention.ts";
import { withoutOutcomes } from "./outcomes.ts";
import { findOxygen } from "./oxygen.ts";
import { geneKey } from "./parts.ts";
import { questionText } from "./question-text.ts";
import { questionTerms } from "./question-terms.ts";
import { withoutSaidOfCells } from "./said-of-cells.ts";
import { withSharedNouns } from "./shared-nouns.ts";
import { loadVocabulary } from "./vocabulary.ts";

/** The names, amounts and words of a question, and what of it is left to ask about. */
export function readMentions(
  question: string,
  atlases: readonly AtlasIndex[],
  knowledge: Knowledge,
) {
  const lines = questionText(question);
  const text = lines.replaceAll("\n", " ");
  const vocabulary = loadVocabulary();
  const labels = collectAtlasLabels(atlases, knowledge);
  const terms = questionTerms(knowledge, vocabulary, labels);
  const instructed = instructions(lines);
  const amounts = readAmounts(text, instructed);
  const sentence = { ...sentenceOf(text, amounts.spans), instructed };
  const atlasGenes = new Set(
    atlases.flatMap(({ genes, groups }) => [
      ...genes,
      ...groups.flatMap(({ genetic }) => genetic?.genes ?? []),
    ]),
  );
  const { perturbations } = labels;
  const isScreen = perturbations.length > 0 && perturbations.every(({ namesGenes }) => namesGenes);
  const isGained = (gene: string): boolean =>
    isScreen ||
    perturbations.some(
      ({ genetic, parts = [] }) =>
        (genetic?.gene === gene && genetic.effect === "gain") ||
        parts.includes(geneKey(gene, "gain")),
    );
  const oxygen = findOxygen(sentence, knowledge);
  const named = [
    ...findGeneticMentions(sentence, knowledge, { genes: atlasGenes, isGained }, vocabulary),
    ...withSharedNouns(findMentions(sentence, terms, vocabulary), sentence, terms, vocabulary),
  ];
  const isNamed = ({ meaning }: Mention): boolean =>
    named.some((each) => nameOf(each) === nameOf({ ...each, meaning }));
  const all = [...oxygen.filter((each) => !isNamed(each)), ...named].toSorted(
    (a, b) => a.from - b.from,
  );
  const described = withoutCutShort(withMarkers(all, sentence, terms), sentence, vocabulary);
  const directed = readDirected(
    withoutOutcomes(withoutNegated(described, sentence, vocabulary), sentence),
    sentence,
    knowledge,
    vocabulary,
  );
  const things = withoutOtherThings(directed.mentions, sentence);
  const mentions = withoutSaidOfCells(things, sentence);
  const aside = things.filter((each) => !mentions.includes(each));
  const { unanswered } = directed;
  return { text, vocabulary, labels, terms, amounts, sentence, all, mentions, unanswered, aside };
}

function sentenceOf(
  text: string,
  spans: readonly (readonly [number, number])[],
): Omit<Sentence, "instructed"> {
  const tokens = tokenise(text);
  const taken = Uint8Array.from(tokens, ({ start, end }) =>
    spans.some(([from, to]) => start < to && end > from) ? 1 : 0,
  );
  return { text, tokens, taken };
}
