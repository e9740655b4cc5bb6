import type { Mention, Sentence } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Say how something is given, and not what. */
export const OF_GIVING = new Set(
  "therapy challenge challenged infection infected pretreatment pretreated administration supplementation supplemented pulse wash overdose injury poisoning intoxication toxicity exposure alone overnight stimulus signal signaling signalling for".split(
    " ",
  ),
);

/**
 * Without the names that the vocabularies alone have and that go on in words that were not read:
 * "house dust mite extract" is not house dust.
 */
export function withoutCutShort(
  mentions: readonly Mention[],
  sentence: Sentence,
  vocabulary: Vocabulary,
): Mention[] {
  return mentions.filter((mention) => {
    if (!isNamedOnly(mention) || !goesOn(mention, sentence, vocabulary)) return true;
    sentence.taken.fill(0, mention.from, mention.to);
    return false;
  });
}

/** Behind a cytokine they make it something else: "IFN-beta receptor knockout", "IL-18 binding protein". */
const NOT_CYTOKINE = new Set(
  "receptor receptors promoter enhancer mrna mutant mutants mutation variant mutein inducer inducers binding trap traps decoy precursor propeptide".split(
    " ",
  ),
);
/** Behind cells they make them others, or no cells: "B cell precursors", "NK cell exosomes". */
const NOT_CELLS = new Set(
  "precursor precursors progenitor progenitors exosome exosomes vesicle vesicles supernatant supernatants hybridoma hybridomas lysate lysates".split(
    " ",
  ),
);

const PRECURSOR = new Set(["pre", "pro", "prae", "proto"]);

/** Behind a pathogen they make it a part of it: "SARS-CoV-2 spike protein", "HIV Tat". */
const NOT_PATHOGEN =
  /^(?:proteins?|glycoproteins?|spike|envelope|(?:nucleo)?capsid|nucleoprotein|ha?emagglutinin|neuraminidase|rbd|tat|nef|vpr|vpu|gag|(?:orf|nsp|ns|gp)\d+[a-z]*|antigens?|peptides?|epitopes?|toxins?|immune|antibod(?:y|ies)|pseudovirus|vlps?|vesicles|exosomes|integrase|protease|polymerase|vaccines?|(?:sero)?status|load|burden|tit(?:er|re)s?|prevalence)$/;

const IMMUNE_GIVING = /^immune[\s-](?:challenge|exposure|infection|stimulation|activation)\b/i;

/** Without the cytokines, pathogens and cells that the word behind them makes into something else. */
export function withoutOtherThings(
  mentions: readonly Mention[],
  { text, tokens, taken }: Sentence,
): Mention[] {
  return mentions.filter(({ meaning, from, to }) => {
    const kind = meaning.kind === "perturbation" ? meaning.entry?.kind : undefined;
    const isCytokine = kind === "cytokine";
    if (kind === "pathogen" && isPart(to)) {
      taken.fill(0, from, to);
      return false;
    }
    if (meaning.kind === "cell_type" && isPrecursor(from)) {
      taken.fill(0, from, to);
      return false;
    }
    const others = meaning.kind === "cell_type" ? NOT_CELLS : isCytokine ? NOT_CYTOKINE : null;
    const next = tokens[to];
    if (others === null || next === undefined || taken[to] === 1 || !others.has(next.key))
      return true;
    if (!/^[ \p{Pd}]$/u.test(text.slice(tokens[to - 1]?.end, next.start))) return true;
    if (isCytokine) taken.fill(0, from, to);
    return false;
  });

  /** "Pre-B cells" are no B cells; those that are known by such a name were read whole. */
  function isPrecursor(from: number): boolean {
    const gap = text.slice(tokens[from - 1]?.end, tokens[from]?.start);
    return /^\p{Pd}$/u.test(gap) && PRECURSOR.has(tokens[from - 1]?.key ?? "");
  }

  function isPart(to: number): boolean {
    const gap = text.slice(tokens[to - 1]?.end, tokens[to]?.start);
    if (IMMUNE_GIVING.test(text.slice(tokens[to]?.start))) return false;
    return /^[ \p{Pd}]$/u.test(gap) && NOT_PATHOGEN.test(tokens[to]?.key ?? "");
  }
}

const ACTS =
  "act activate affect alter arrest attenuate block boost bring cause change confer control dampen disrupt drive elevate elicit enhance evoke exacerbate expand harm help impair improve increase induce influence inhibit kill lead license limit lower make mature mimic modulate modify perturb polarise polarize potentiate prevent prime program promote protect provoke push raise reduce regulate remodel reprogram reprogramme rescue reshape restore result rewire sensitise sensitize shape shift shut skew stimulate stress suppress switch synergise synergize transform trigger turn upregulate downregulate work worsen".split(
    " ",
  );
const BASE = new Set(ACTS);
const INFLECTED = new Set(ACTS.flatMap((verb) => [`${verb}s`, `${verb}es`]));
const AUXILIARY = new Set(
  "do does did can could will would may might should must shall".split(" "),
);

/** "Does histamine turn on genes", "histamine activates monocytes". */
const isVerbOf = ({ from, to }: Mention, { tokens }: Sentence): boolean => {
  const verb = tokens[to]?.key ?? "";
  return INFLECTED.has(verb) || (BASE.has(verb) && AUXILIARY.has(tokens[from - 1]?.key ?? ""));
};

const isNamedOnly = ({ meaning }: Mention): boolean =>
  meaning.kind === "perturbation" &&
  meaning.entry?.kind === "drug" &&
  meaning.entry.response.length === 0;

function goesOn(mention: Mention, sentence: Sentence, vocabulary: Vocabulary): boolean {
  const { to } = mention;
  const { text, tokens, taken } = sentence;
  const next = tokens[to];
  if (next === undefined || taken[to] === 1 || isVerbOf(mention, sentence)) return false;
  const gap = text.slice(tokens[to - 1]?.end, next.start);
  const { stop_words, cues, negations, conjunctions, blockade, withdrawal, agonism } = vocabulary;
  const isKnownWord =
    OF_GIVING.has(next.key) ||
    [stop_words, cues, negations, conjunctions, blockade, withdrawal, agonism].some((words) =>
      words.has(next.key),
    );
  return /^[ -]$/.test(gap) && /^\p{L}{3,}$/u.test(next.key) && !isKnownWord;
}
