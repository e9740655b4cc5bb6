import { readFile } from "node:fs/promises";
import { openAtlas } from "../../science/atlas/open.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { IterationSummary } from "../../services/runs/iteration.ts";
import { countedPlan } from "../round-prompts.ts";
import { agreement } from "../../science/validation/agreement.ts";
import { withholdOf } from "../../science/validation/targets.ts";
import { pearson } from "../../science/statistics/correlation.ts";
import { readResponse } from "../../science/response/response-file.ts";
import {
  cellsOf,
  changedGenes,
  judge,
  readTruth,
  references,
  type TargetQuestion,
} from "../../science/validation/judge.ts";
import { panelMembers } from "../../science/validation/panel-members.ts";
import type { JudgedTarget } from "../../science/validation/judged-target.ts";

/** The task that holds a prediction against withheld cells. */

const POINTS = 1000;

/** Null where nothing is known of the iteration: its plan has one prompt. */
type CountedPrompt = Pick<IterationSummary, "prompts" | "candidate_id" | "mixture"> | null;

/** `response`, `first`: what predictResponse wrote for the delivered and the first iteration. */
export async function judgeTarget({
  response,
  first,
  plan,
  counted,
  ...question
}: TargetQuestion & {
  readonly response: string;
  readonly first: string;
  /** Of the delivered iteration. */
  readonly plan: string;
  /** What counted of it. */
  readonly counted: CountedPrompt;
}): Promise<JudgedTarget> {
  const truth = await readTruth(question);
  const { measured, meanResponse, references: beside } = await references(question, truth);
  const changed = changedGenes(truth);
  const stored = await readResponse(response);
  const { judgement, predicted } = judge(stored, truth, measured, changed);
  const columns = stored.cells.obs.columns as Record<string, readonly string[]>;
  const queried = columns["source_cell"]!.filter((_, row) => columns["origin"]![row] === "control");
  const names = truth.treated.names;
  return {
    split: {
      treated: names,
      query_controls: namesInFile(queried, columns["group_id"]!, truth.query.names),
      truth_controls: truth.control.names,
      treated_halves: [
        Array.from(truth.treatedHalves[0], (row) => names[row]!),
        Array.from(truth.treatedHalves[1], (row) => names[row]!),
      ],
    },
    references: beside,
    delta_transfer: agreement(await deltaTransferred(question, plan, counted), measured),
    judgement,
    candidates: panelMembers(truth, cellsOf(stored.cells, "prediction"), {
      perturbation: question.target.perturbation,
      meanResponse,
      seed: question.seed,
    }),
    effects: {
      perturbation: question.target.perturbation,
      own: truth.genes.indexOf(question.target.perturbation),
      predicted,
      measured,
    },
    first_pearson:
      first === response
        ? judgement.pearson
        : pearson(judge(await readResponse(first), truth, measured, changed).predicted, measured),
    points: [...predicted.keys()]
      .toSorted(
        (a, b) =>
          Math.max(Math.abs(predicted[b]!), Math.abs(measured[b]!)) -
            Math.max(Math.abs(predicted[a]!), Math.abs(measured[a]!)) || a - b,
      )
      .slice(0, POINTS)
      .map((at) => ({
        gene: truth.genes[at]!,
        predicted: predicted[at]!,
        measured: measured[at]!,
      })),
  };
}

/** What delta transfer makes of the prompt, whichever transfer was delivered. */
async function deltaTransferred(
  { dir, target, what, seed }: TargetQuestion,
  plan: string,
  counted: CountedPrompt,
): Promise<Float64Array> {
  const atlas = await openAtlas(dir, {
    withhold: { ...withholdOf(target, what), what, split_seed: seed },
  });
  const planned = JSON.parse(await readFile(plan, "utf8")) as PromptPlan;
  const { chosen } = counted === null ? planned : countedPlan(planned, counted);
  const predicted = new Float64Array(atlas.index.n_genes);
  for (const { group_id, control_group_id, weight } of chosen.parts) {
    if (control_group_id === null) return predicted.fill(Number.NaN);
    const [shown, matched] = [atlas.profile(group_id), atlas.profile(control_group_id)];
    predicted.forEach((_, g) => (predicted[g]! += weight * (shown[g]! - matched[g]!)));
  }
  return predicted;
}

/** Drawn cells are named "{group}:{name in the file}". */
function namesInFile(
  drawn: readonly string[],
  groups: readonly string[],
  known: readonly string[],
): string[] {
  const prefixes = [...new Set(groups)].map((group) => `${group}:`);
  const names = new Set(known);
  return drawn.map((name) => {
    const prefix = prefixes.find(
      (each) => name.startsWith(each) && names.has(name.slice(each.length)),
    );
    return name.slice(prefix?.length ?? 0);
  });
}
