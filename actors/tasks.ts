import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { readH5ad } from "../science/anndata/read.ts";
import { writeH5ad } from "../science/anndata/write.ts";
import { importAtlas, type ImportOptions } from "../science/atlas/import.ts";
import { inspectH5ad } from "../science/atlas/inspect.ts";
import { openAtlas } from "../science/atlas/open.ts";
import type { AtlasIndex, OpenAtlas } from "../science/atlas/atlas-index.ts";
import { compareWithTruth } from "../science/grounding/compare-with-truth.ts";
import { evaluatePrediction } from "../science/grounding/evaluate.ts";
import type { EvaluationInput } from "../science/grounding/evaluate.ts";
import {
  articleNames as namesInArticles,
  literatureSearch,
} from "../science/grounding/literature-subjects.ts";
import { validatePrediction } from "../science/inference/validate-prediction.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import { labelResolver } from "../science/knowledge/resolve.ts";
import {
  considerPrompts,
  controlsAvailable,
  type ChoosePromptOptions,
} from "../science/prompting/choose-prompt.ts";
import { drawCells, SPLIT_COLUMN } from "../science/prompting/draw-cells.ts";
import { perturbedGroups } from "../science/prompting/retrieval.ts";
import { semanticTexts, type SemanticTexts } from "../science/prompting/strategies/semantic.ts";
import { lookUp, type LookUpName } from "../science/query/look-up.ts";
import { readModelChoice } from "../science/query/model-choice.ts";
import { understandQuestion } from "../science/query/understand.ts";
import type { ControlStrategy, StructuredQuery } from "../science/query/structured-query.ts";
import { assemblePredictions } from "../science/report/predictions.ts";
import { renderReport } from "../science/report/report.ts";
import { renderRunLog, type RunLog } from "../science/report/run-log.ts";
import { writeSimulatedAtlas, type SimulationOptions } from "../science/simulate/simulate-atlas.ts";
import { differentialExpression } from "../science/statistics/differential-expression.ts";

/**
 * The heavy work of the steps, run in processes of their own: files in, files and small JSON out.
 * Each export is one task.
 */

export interface AtlasPlace {
  readonly dir: string;
  readonly withhold: { readonly cell_type: string; readonly perturbation: string } | null;
}

const openAll = (places: readonly AtlasPlace[]): Promise<OpenAtlas[]> =>
  Promise.all(
    places.map(({ dir, withhold }) => openAtlas(dir, withhold === null ? {} : { withhold })),
  );

/** Folder of what was imported beside the curated knowledge. */
interface WithKnowledge {
  readonly knowledge: string;
}

export async function analyze(
  input: WithKnowledge & { readonly query: string; readonly atlases: readonly AtlasPlace[] },
): Promise<Understanding> {
  const atlases = await openAll(input.atlases);
  const structured_query = understandQuestion(
    input.query,
    atlases.map(({ index }) => index),
    loadKnowledge(input.knowledge),
  );
  return {
    structured_query,
    control_cells_available: controlsAvailable(structured_query, atlases),
  };
}

interface Understanding {
  readonly structured_query: StructuredQuery;
  readonly control_cells_available: boolean;
}

/** A language model's reading of the question, held against what exists. */
export async function readChoice(
  input: WithKnowledge & {
    readonly choice: Parameters<typeof readModelChoice>[0];
    readonly question: string;
    readonly draft: StructuredQuery | null;
    readonly model: string;
    readonly places: readonly AtlasPlace[];
  },
): Promise<{ readonly result: Understanding } | { readonly problem: string }> {
  const { choice, places, knowledge, ...asked } = input;
  const atlases = await openAll(places);
  const read = readModelChoice(choice, {
    ...asked,
    atlases: atlases.map(({ index }) => index),
    knowledge: loadKnowledge(knowledge),
  });
  return "problem" in read
    ? read
    : {
        result: {
          ...read,
          control_cells_available: controlsAvailable(read.structured_query, atlases),
        },
      };
}

export async function look(
  input: WithKnowledge & {
    readonly name: LookUpName;
    readonly parameters: unknown;
    readonly places: readonly AtlasPlace[];
  },
): Promise<unknown> {
  const { name, parameters, places, knowledge } = input;
  return lookUp(
    name,
    parameters,
    (await openAll(places)).map(({ index }) => index),
    loadKnowledge(knowledge),
  );
}

export async function prompt(
  input: Omit<ChoosePromptOptions, "atlases" | "knowledge"> &
    WithKnowledge & { readonly places: readonly AtlasPlace[] },
): Promise<ReturnType<typeof considerPrompts>> {
  const { places, knowledge, ...options } = input;
  return considerPrompts({
    ...options,
    atlases: await openAll(places),
    knowledge: loadKnowledge(knowledge),
  });
}

/** What an embedding model is to compare for a prompt. */
export async function semanticTextsOf(
  input: WithKnowledge & {
    readonly query: StructuredQuery;
    readonly places: readonly AtlasPlace[];
  },
): Promise<SemanticTexts> {
  return semanticTexts(
    input.query,
    perturbedGroups(await openAll(input.places)),
    loadKnowledge(input.knowledge),
  );
}

export interface DrawInput {
  readonly places: readonly AtlasPlace[];
  readonly parts: readonly { readonly group_id: string; readonly n_cells: number }[];
  readonly seed: number;
  readonly output: string;
}

export async function draw({ places, parts, seed, output }: DrawInput): Promise<void> {
  await writeH5ad(
    output,
    await drawCells({ parts, atlases: await openAll(places), seed, splitColumn: SPLIT_COLUMN }),
  );
}

/** Errors: PREDICTION_INVALID. Returns the content hash of the prediction file. */
export async function checkPrediction({
  prediction,
  query,
}: {
  readonly prediction: string;
  readonly query: string;
}): Promise<string> {
  const [predicted, asked] = await Promise.all([readH5ad(prediction), readH5ad(query)]);
  validatePrediction(predicted, asked);
  const hash = createHash("sha256");
  await pipeline(createReadStream(prediction), hash);
  return hash.digest("hex");
}

export interface EvaluateTask extends WithKnowledge {
  readonly structured_query: StructuredQuery;
  readonly prediction: string;
  /** The control predictions, or under query_as_control the query cells. */
  readonly reference: string;
  readonly queryCells: string;
  /** Cells of the prompt. */
  readonly promptCells: number;
  readonly controlStrategyEffective: ControlStrategy;
  readonly seed: number;
  readonly literature?: NonNullable<EvaluationInput["literature"]>;
}

export async function evaluate(input: EvaluateTask) {
  const { structured_query: query, knowledge, ...judged } = input;
  const [prediction, reference, queryCells] = await Promise.all([
    readH5ad(input.prediction),
    readH5ad(input.reference),
    readH5ad(input.queryCells),
  ]);
  const { grounding, topGenes, enriched } = evaluatePrediction({
    ...judged,
    query,
    prediction,
    reference,
    queryCells,
    knowledge: loadKnowledge(knowledge),
  });
  return { grounding, top_genes: topGenes, enriched };
}
export type Evaluation = Awaited<ReturnType<typeof evaluate>>;

/**
 * What to look for in the literature, from the question and the genes that a prediction moves most.
 */
export async function literatureSubjects(
  input: WithKnowledge & {
    readonly structured_query: StructuredQuery;
    readonly top_genes: Evaluation["top_genes"];
  },
): Promise<ReturnType<typeof literatureSearch>> {
  return literatureSearch(input.structured_query, input.top_genes, loadKnowledge(input.knowledge));
}

/** By which names to look for articles on the question. */
export async function articleNames(
  input: WithKnowledge & { readonly structured_query: StructuredQuery },
): Promise<ReturnType<typeof namesInArticles>> {
  return namesInArticles(input.structured_query, loadKnowledge(input.knowledge));
}

/** Writes the three result files into `folder`. */
export async function writeResults(input: {
  readonly log: RunLog;
  readonly prediction: string;
  readonly reference: string;
  readonly folder: string;
}): Promise<{ anndata: string; report: string; log: string }> {
  const [prediction, reference] = await Promise.all([
    readH5ad(input.prediction),
    readH5ad(input.reference),
  ]);
  const de = differentialExpression(prediction, reference);
  const files = {
    anndata: join(input.folder, "predictions.h5ad"),
    report: join(input.folder, "report.html"),
    log: join(input.folder, "log.json"),
  };
  await writeH5ad(files.anndata, assemblePredictions(input.log, prediction, de));
  await writeFile(files.report, await renderReport(input.log, de));
  await writeFile(files.log, renderRunLog(input.log));
  return files;
}

export const importAtlasFile = ({
  knowledge,
  ...options
}: ImportOptions & WithKnowledge): Promise<AtlasIndex> =>
  importAtlas(options, labelResolver(loadKnowledge(knowledge)));
export const inspectFile = ({ file }: { readonly file: string }) => inspectH5ad(file);
export async function simulate({
  file,
  options,
}: {
  readonly file: string;
  readonly options: SimulationOptions;
}): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeSimulatedAtlas(file, options);
}

export interface TruthInput {
  readonly prediction: string;
  readonly reference: string;
  readonly atlas: string;
  readonly cell_type: string;
  readonly perturbation: string;
}
/** Compares a delivered prediction with the cells that were withheld. */
export async function compare({
  prediction,
  reference,
  atlas,
  cell_type,
  perturbation,
}: TruthInput) {
  const opened = await openAtlas(atlas);
  const cellsOf = (keep: (group: AtlasIndex["groups"][number]) => boolean) =>
    drawCells({
      parts: opened.index.groups
        .filter(keep)
        .map(({ group_id, n_cells }) => ({ group_id, n_cells })),
      atlases: [opened],
      seed: 0,
      splitColumn: SPLIT_COLUMN,
    });
  return compareWithTruth({
    predictedTreated: await readH5ad(prediction),
    predictedReference: await readH5ad(reference),
    truthTreated: await cellsOf(
      (group) => group.cell_type === cell_type && group.perturbation === perturbation,
    ),
    truthControl: await cellsOf((group) => group.cell_type === cell_type && group.is_control),
  });
}

export type Tasks = {
  analyze: typeof analyze;
  readChoice: typeof readChoice;
  look: typeof look;
  prompt: typeof prompt;
  semanticTextsOf: typeof semanticTextsOf;
  draw: typeof draw;
  checkPrediction: typeof checkPrediction;
  evaluate: typeof evaluate;
  literatureSubjects: typeof literatureSubjects;
  articleNames: typeof articleNames;
  writeResults: typeof writeResults;
  importAtlasFile: typeof importAtlasFile;
  inspectFile: typeof inspectFile;
  simulate: typeof simulate;
  compare: typeof compare;
};
