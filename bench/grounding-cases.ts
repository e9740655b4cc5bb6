import type { AnnData } from "../science/anndata/anndata.ts";
import type { OpenAtlas } from "../science/atlas/atlas-index.ts";
import { importAtlas } from "../science/atlas/import.ts";
import { openAtlas } from "../science/atlas/open.ts";
import { compareWithTruth } from "../science/grounding/compare-with-truth.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import { labelResolver } from "../science/knowledge/resolve.ts";
import { choosePrompt } from "../science/prompting/choose-prompt.ts";
import { drawCells } from "../science/prompting/draw-cells.ts";
import type { StructuredQuery } from "../science/query/structured-query.ts";
import { understandQuestion } from "../science/query/understand.ts";
import { distort, permutation, question } from "../tests/science/grounding-fixtures.ts";
import { pairOf, scoreOf, type Pair } from "./grounding-delivered.ts";
import { chooseTargets, typesWith, unrelatedLabels, type Target } from "./grounding-targets.ts";

/**
 * "degraded": a share of the genes shuffled; neither right nor wrong, only compared with the truth.
 */
export interface ScoredCase {
  readonly target: string;
  readonly kind: "true" | "degraded" | "shuffled" | "reversed" | "null" | "wrong_perturbation";
  readonly what: string;
  readonly score: number;
  /** The raw score before rounding. */
  readonly composite: number;
  /** Null where the question is not about the measured perturbation. */
  readonly pearson_delta: number | null;
}

export interface AtlasCases {
  readonly source: string;
  readonly folder: string;
  readonly mostTargets: number;
  /** Perturbations asked about although the atlas' own one was predicted. */
  readonly otherQuestions: readonly string[];
}

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
const SHUFFLES = [1, 2, 3];
const MOST_TRUE = 6;
const MOST_WRONG = 4;
const MOST_CELLS = 512;
const knowledge = loadKnowledge();

/**
 * Withholds each target, predicts it in right and wrong ways with the built-in baseline, and scores
 * all.
 */
export async function scoreAtlas({
  source,
  folder,
  mostTargets,
  otherQuestions,
}: AtlasCases): Promise<{ cases: ScoredCase[]; spreads: number[] }> {
  await importAtlas({ source, outDir: folder }, labelResolver(knowledge));
  const whole = await openAtlas(folder);
  const cases: ScoredCase[] = [];
  const spreads: number[] = [];
  for (const target of chooseTargets(whole, mostTargets)) {
    const found = await scoreTarget(whole, folder, target, otherQuestions);
    cases.push(...found.cases);
    spreads.push(found.spread);
  }
  return { cases, spreads };
}

async function scoreTarget(
  whole: OpenAtlas,
  folder: string,
  target: Target,
  otherQuestions: readonly string[],
) {
  const atlas = await openAtlas(folder, {
    withhold: { cell_type: target.cellType, perturbation: target.perturbation },
  });
  const asked = understandQuestion(
    `How would ${target.cellType} respond to ${target.perturbation}?`,
    [atlas.index],
  );
  const draw = (groups: OpenAtlas["index"]["groups"], most = Infinity): Promise<AnnData> =>
    drawCells({
      parts: groups.map(({ group_id, n_cells }) => ({
        group_id,
        n_cells: Math.min(n_cells, Math.ceil(most / groups.length)),
      })),
      atlases: [whole],
      seed: 1,
    });
  const groupsOf = (keep: (group: OpenAtlas["index"]["groups"][number]) => boolean) =>
    whole.index.groups.filter((group) => group.n_cells > 0 && keep(group));
  const controls = groupsOf((group) => group.is_control && group.cell_type === target.cellType);
  const query = await draw(controls, MOST_CELLS);
  const truth = {
    truthTreated: await draw(
      groupsOf(
        (group) =>
          !group.is_control &&
          group.cell_type === target.cellType &&
          group.perturbation === target.perturbation,
      ),
    ),
    truthControl: await draw(controls),
  };

  const pairFrom = async (cellType: string, perturbation: string): Promise<Pair> => {
    const treated = groupsOf(
      (group) =>
        group.cell_type === cellType &&
        group.perturbation === perturbation &&
        group.control_group_id !== null,
    );
    const matched = groupsOf((group) =>
      treated.some(({ control_group_id: id }) => id === group.group_id),
    );
    const cells = treated.reduce((sum, { n_cells }) => sum + n_cells, 0);
    return pairOf(
      query,
      treated.map(({ group_id, control_group_id, n_cells }) => ({
        group_id,
        control_group_id,
        weight: n_cells / cells,
      })),
      await draw(treated, MOST_CELLS),
      await draw(matched, MOST_CELLS),
    );
  };
  const chosen = await chosenPair(atlas, asked, query);
  const cases: ScoredCase[] = [];
  const score = (pair: Pair, about: StructuredQuery, seed: number) =>
    scoreOf(pair, { query, about, seed, atlases: [atlas] });
  const add = async (
    kind: ScoredCase["kind"],
    what: string,
    pair: Pair,
    about: StructuredQuery = asked,
  ): Promise<void> => {
    const { prediction, reference } = pair;
    const agreement =
      about === asked
        ? compareWithTruth({
            predictedTreated: prediction,
            predictedReference: reference ?? query,
            ...truth,
          }).pearson_delta
        : null;
    // No predicted response has no correlation with the measured one.
    cases.push({
      target: `${target.cellType}, ${target.perturbation}`,
      kind,
      what,
      ...(await score(pair, about, 1)),
      pearson_delta: agreement !== null && Number.isNaN(agreement) ? 0 : agreement,
    });
  };

  await add("true", "chosen prompt", chosen);
  for (const cellType of typesWith(whole, target).slice(0, MOST_TRUE - 1))
    await add("true", `from ${cellType}`, await pairFrom(cellType, target.perturbation));
  const genes = query.X.nCols;
  for (const share of [0.25, 0.5, 0.75])
    await add(
      "degraded",
      `${share * 100} % of the genes shuffled`,
      distorted(chosen, partlyShuffled(genes, share), 1),
    );
  for (const seed of SHUFFLES)
    await add("shuffled", `shuffle ${seed}`, distorted(chosen, permutation(genes, seed), 1));
  await add("reversed", "response reversed", distorted(chosen, [...Array(genes).keys()], -1));
  const ofControls = chosen.parts.map(({ control_group_id, weight }) => ({
    group_id: control_group_id ?? "",
    control_group_id,
    weight,
  }));
  await add("reversed", "prediction and reference swapped", {
    prediction: chosen.reference ?? query,
    reference: chosen.prediction,
    prompt: chosen.controls,
    controls: chosen.prompt,
    parts: chosen.parts.map(({ group_id, control_group_id, weight }) => ({
      group_id: control_group_id ?? "",
      control_group_id: group_id,
      weight,
    })),
  });
  const untreated = pairOf(query, ofControls, chosen.controls, chosen.controls);
  await add("null", "controls as prompt", untreated);
  await add("null", "controls as prompt, against the query cells", {
    ...untreated,
    reference: null,
  });
  for (const label of unrelatedLabels(whole, knowledge, target).slice(0, MOST_WRONG))
    await add("wrong_perturbation", `predicted ${label}`, await pairFrom(target.cellType, label));
  for (const id of otherQuestions)
    await add(
      "wrong_perturbation",
      `asked about ${id}`,
      chosen,
      question(knowledge, id, target.cellType),
    );

  const seeded: number[] = [];
  for (const seed of SEEDS) seeded.push((await score(chosen, asked, seed)).score);
  return { cases, spread: Math.max(...seeded) - Math.min(...seeded) };
}

async function chosenPair(
  atlas: OpenAtlas,
  query: StructuredQuery,
  queryCells: AnnData,
): Promise<Pair> {
  const { chosen } = choosePrompt({
    query,
    atlases: [atlas],
    knowledge,
    controlStrategy: "synthetic_control",
    promptCells: MOST_CELLS,
    queryCells: MOST_CELLS,
    history: [],
    seed: 1,
  });
  const draw = (parts: Parameters<typeof drawCells>[0]["parts"]): Promise<AnnData> =>
    drawCells({ parts, atlases: [atlas], seed: 1 });
  return pairOf(
    queryCells,
    chosen.parts,
    await draw(chosen.parts),
    await draw(
      chosen.parts.map(({ control_group_id: id, n_control_cells: n_cells }) => ({
        group_id: id ?? "",
        n_cells,
      })),
    ),
  );
}

const distorted = (pair: Pair, source: readonly number[], factor: number): Pair => ({
  ...pair,
  prediction: distort(pair.prediction, pair.reference ?? pair.prediction, source, factor),
});

/** A permutation that moves only `share` of the genes. */
function partlyShuffled(genes: number, share: number): number[] {
  const moved = permutation(genes, 5)
    .slice(0, Math.round(genes * share))
    .toSorted((a, b) => a - b);
  const order = Array.from({ length: genes }, (_, gene) => gene);
  permutation(moved.length, 3).forEach((from, i) => {
    order[moved[i]!] = moved[from]!;
  });
  return order;
}
