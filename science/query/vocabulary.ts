import { readFileSync } from "node:fs";
import { z } from "zod";
import { ownFile } from "../../own-files.ts";
import { labelKey } from "../knowledge/tokens.ts";

/** Words of questions in English, German and Chinese, other than the names of the knowledge. */

const words = z.array(z.string().min(1)).transform((list) => new Set(list.map(labelKey)));

const vocabularySchema = z.object({
  /** Words that name nothing: no cell type or perturbation begins or ends with one. */
  stop_words: words,
  /** Stand before what the cells are given: "treated with", "auf", "对". */
  cues: words,
  /** A cue right after one of these is the strongest sign: "respond to", "behandelt mit". */
  cue_verbs: words,
  /** Strong by themselves: of the cues those that mostly follow a verb of response. */
  strong_cues: words,
  negations: words,
  /** May stand between a negation and what it negates: "not with any TNF". */
  negation_fillers: words,
  /** Turn a negation into none: "not only TNF". */
  negation_breakers: words,
  conjunctions: words,
  /** Beside a cytokine or gene they ask for the opposite of it: "IL-6 blockade", "anti-TNF". */
  blockade: words,
  /** Beside a receptor or gene they ask for what activates it: "TLR4 agonists". */
  agonism: words,
  /** Behind a name they say that it is taken away: "IL-2 withdrawal", "TGF-beta-free medium". */
  withdrawal: words,
  /**
   * Abbreviations that are also words of a language: they count only when written as in the data.
   */
  case_sensitive: words,
  /** Cell Ontology ids of mixtures: they give way to any other cell type of the question. */
  mixtures: z.array(z.string()),
  ambiguous_perturbations: z.array(
    z.object({ texts: z.array(z.string()), meanings: z.array(z.string()).min(1) }),
  ),
  tissues: z.array(z.object({ name: z.string(), texts: z.array(z.string()) })),
});
export type Vocabulary = z.infer<typeof vocabularySchema>;

let loaded: Vocabulary | undefined;

export function loadVocabulary(): Vocabulary {
  loaded ??= vocabularySchema.parse(
    JSON.parse(readFileSync(ownFile("science/query/vocabulary.json"), "utf8")),
  );
  return loaded;
}
