import { readFileSync } from "node:fs";
import { z } from "zod";
import { HaystackError } from "../errors.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import { ancestors } from "../science/knowledge/ontology.ts";
import { findPerturbation } from "../science/knowledge/resolve.ts";
import { labelKey } from "../science/knowledge/tokens.ts";
import type { StructuredQuery } from "../science/query/structured-query.ts";
import { understandQuestion } from "../science/query/understand.ts";
import { atlasIndex } from "../tests/science/query-atlas.ts";

/**
 * Questions rephrased from what titles and summaries of public data sets ask, each with the reading
 * that was expected before it was first read. No rule is tuned to them.
 */

const titleSchema = z.object({
  question: z.string(),
  /** Name in the Cell Ontology, or "line:" and the name of a line that the atlas holds. */
  cell: z.string().optional(),
  /** Everything that is given; of a gene with what is done to it. */
  perturbations: z.array(z.string()).optional(),
  kind: z.string().optional(),
  /** Why no half of it may be answered. */
  refused: z.enum(["comparison", "combination", "background", "gene", "nothing"]).optional(),
});
type Title = z.infer<typeof titleSchema>;
/** `said`: a broader type was taken for the asked one, and that was said. */
type Verdict = "right" | "said" | "wrong" | "refused";

const LINE = "line:";
const knowledge = loadKnowledge();

/** The second part was written after all rules that the first one led to. */
export type TitleFile = "titles" | "titles-second";

export function scoreTitles(file: TitleFile = "titles") {
  const titles = z
    .array(titleSchema)
    .parse(JSON.parse(readFileSync(new URL(`data/${file}.json`, import.meta.url), "utf8")));
  const lines = titles.flatMap(({ cell = "" }) =>
    cell.startsWith(LINE) ? [cell.slice(LINE.length)] : [],
  );
  const atlas = atlasIndex({
    cellTypes: [...knowledge.cellTypes.map(({ name }) => name), ...new Set(lines)],
    perturbations: ["IFN-beta", "TNF"],
  });
  const judged = titles.map((title) => ({ title, ...judge(title, readTitle(title, atlas)) }));
  const count = (verdict: Verdict): number =>
    judged.filter((each) => each.verdict === verdict).length;
  const [right, wrong] = [count("right"), count("wrong")];
  return {
    questions: titles.length,
    right,
    said: count("said"),
    wrong,
    refused: count("refused"),
    precision: right / (right + wrong),
    recall: right / titles.length,
    failures: judged
      .filter(({ verdict }) => verdict !== "right")
      .map(({ title: { question }, verdict, read_as }) => ({ question, verdict, read_as })),
  };
}

function readTitle(
  { question }: Title,
  atlas: ReturnType<typeof atlasIndex>,
): StructuredQuery | HaystackError {
  try {
    return understandQuestion(question, [atlas], knowledge);
  } catch (thrown) {
    if (thrown instanceof HaystackError) return thrown;
    throw thrown;
  }
}

function judge(
  title: Title,
  read: StructuredQuery | HaystackError,
): { readonly verdict: Verdict; readonly read_as: string } {
  if (read instanceof HaystackError) {
    const asks = read.details?.["asks"];
    const isRight = title.refused === "nothing" || title.refused === asks;
    const verdict = title.refused !== undefined && isRight ? "right" : "refused";
    return { verdict, read_as: read.message };
  }
  const read_as = `${read.cell_type.name} | ${read.perturbation.name} (${read.perturbation.kind})`;
  const isRightGiven =
    title.refused === undefined &&
    isGiven(title.perturbations ?? [], read) &&
    title.kind === read.perturbation.kind;
  if (!isRightGiven) return { verdict: "wrong", read_as };
  if (isAskedCell(title.cell ?? "", read)) return { verdict: "right", read_as };
  return { verdict: saysBroader(title.cell ?? "", read) ? "said" : "wrong", read_as };
}

function isAskedCell(cell: string, { cell_type }: StructuredQuery): boolean {
  if (cell.startsWith(LINE)) return cell_type.atlas_labels.includes(cell.slice(LINE.length));
  return cell_type.cell_ontology_id === knowledge.cellTypes.find(({ name }) => name === cell)?.id;
}

function saysBroader(cell: string, { cell_type, ambiguities }: StructuredQuery): boolean {
  const asked = knowledge.cellTypes.find(({ name }) => name === cell);
  const isBroader =
    asked !== undefined && ancestors(knowledge, asked.id).has(cell_type.cell_ontology_id ?? "");
  return (
    isBroader &&
    ambiguities.some(
      ({ field, alternatives }) => field === "cell_type" && alternatives.length === 0,
    )
  );
}

const GENETIC = /^(\w+) (knockout|knockdown|overexpression|activation)$/;

function isGiven([expected = "", ...more]: readonly string[], read: StructuredQuery): boolean {
  const { perturbation, expected_targets } = read;
  if (more.length > 0) return false;
  const [, gene, effect = ""] = GENETIC.exec(expected) ?? [];
  if (gene !== undefined) {
    const own = expected_targets.find((target) => target.gene === gene)?.direction;
    const wanted = effect.startsWith("knock") ? "down" : "up";
    return perturbation.external_ids["hgnc"] === gene && (own === undefined || own === wanted);
  }
  const known = findPerturbation(expected, knowledge);
  if (known !== null) return known.entry.id === perturbation.id;
  return [perturbation.name, perturbation.matched_text].some(
    (name) => labelKey(name) === labelKey(expected),
  );
}
