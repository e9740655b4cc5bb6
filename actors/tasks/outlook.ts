import type {
  ExpectedAccuracy,
  PlausibilityScale,
  Transfer,
} from "../../science/accuracy/accuracy-schema.ts";
import {
  controlsToSplit,
  halvesDigest,
  readHalves,
  writeHalves,
  type ControlHalves,
} from "../../science/accuracy/control-halves.ts";
import { bestMixture, type Mixture } from "../../science/accuracy/best-mixture.ts";
import { expectedAccuracy } from "../../science/accuracy/expected-accuracy.ts";
import {
  measuredElsewhere,
  measuredScale,
  scaleDigest,
  type MeasuredElsewhere,
} from "../../science/accuracy/measured-plausibility.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { chooseTransfer as transferFor } from "../../science/accuracy/learned-transfer.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { rankCandidates } from "../../science/prompting/candidates.ts";
import type { ChoosePromptOptions } from "../../science/prompting/choose-prompt.ts";
import type { PromptCandidate } from "../../science/prompting/prompt-plan.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { openAll, type AtlasPlace, type WithKnowledge } from "./places.ts";

/** The tasks that say what an atlas lets expect of a prediction, and of a further one. */

/** A smaller gain in expected Pearson is within what it is known to. */
const LEAST_GAIN = 0.02;

export interface Foresight {
  /** Of each prompt of the round, in order. */
  readonly expected: readonly ExpectedAccuracy[];
  /** Prompts of the round whose predictions together are expected to be more accurate than each. */
  readonly mixture: Mixture | null;
  /**
   * Whether a prompt that is left has a clearly higher expected accuracy than those tried; true where
   * that of the round cannot be told.
   */
  readonly accuracy_may_improve: boolean;
}

/** The control cells of one atlas that are to be halved. */
export interface SplitControls {
  readonly dir: string;
  readonly dataset: string;
  readonly digest: string;
  readonly groups: readonly string[];
}

interface SplitTask {
  readonly places: readonly AtlasPlace[];
  readonly query: StructuredQuery;
}

/** Of each atlas that measures the asked perturbation. */
export async function findControlsToSplit({ places, query }: SplitTask): Promise<SplitControls[]> {
  return (await openAll(places)).flatMap((atlas) => {
    const groups = controlsToSplit(query, atlas);
    return groups.length === 0
      ? []
      : [
          {
            dir: atlas.dir,
            dataset: atlas.index.dataset,
            digest: halvesDigest(atlas, groups),
            groups: groups.map(({ group_id }) => group_id),
          },
        ];
  });
}

/** Their cells are at hand. */
export async function splitControls({
  places,
  query,
  dataset,
  output,
}: SplitTask & { readonly dataset: string; readonly output: string }): Promise<void> {
  for (const atlas of await openAll(places))
    if (atlas.index.dataset === dataset)
      await writeHalves(atlas, controlsToSplit(query, atlas), output);
}

/** What splitControls wrote of an atlas. */
export interface SplitFile extends SplitControls {
  readonly path: string;
}

const halvesOfAll = (atlases: readonly OpenAtlas[], files: readonly SplitFile[]): ControlHalves =>
  new Map(
    files.flatMap(({ dir, path, groups }) =>
      atlases
        .filter((atlas) => atlas.dir === dir)
        .flatMap((atlas) => [...readHalves(path, atlas, groups)]),
    ),
  );

/**
 * `prompts`: those of a round. `tried`: the expected accuracy of earlier ones. Costs profiles, not
 * cells. `split`: as splitControls.
 */
export async function foresee({
  places,
  knowledge,
  prompts,
  tried,
  split,
  ...request
}: Omit<ChoosePromptOptions, "atlases" | "knowledge" | "queryCells" | "seed" | "prompts"> &
  WithKnowledge & {
    readonly places: readonly AtlasPlace[];
    readonly prompts: readonly PromptCandidate[];
    readonly tried: readonly ExpectedAccuracy[];
    readonly split: readonly SplitFile[];
  }): Promise<Foresight> {
  const atlases = await openAll(places);
  const evidence = { atlases, halves: halvesOfAll(atlases, split) };
  const of = (candidate: PromptCandidate) => expectedAccuracy(request.query, candidate, evidence);
  const expected = prompts.map(of);
  const mixture = prompts.length < 2 ? null : bestMixture(request.query, prompts, evidence);
  const reached = mixture === null ? expected : [...expected, mixture.expected];
  const best = [...tried, ...reached].reduce(
    (most, each) => (each.known ? Math.max(most, each.pearson) : most),
    -1,
  );
  const accuracy_may_improve =
    expected.every(({ known }) => !known) ||
    rankCandidates({ ...request, atlases, knowledge: loadKnowledge(knowledge) })
      .map(of)
      .some((each) => each.known && each.pearson > best + LEAST_GAIN);
  return { expected, mixture, accuracy_may_improve };
}

/** How the baseline is to carry the response of this prompt over. `split`: as splitControls. */
export async function chooseTransfer({
  places,
  query,
  chosen,
  split,
}: SplitTask & {
  readonly chosen: PromptCandidate;
  readonly split: readonly SplitFile[];
}): Promise<Transfer> {
  const atlases = await openAll(places);
  return transferFor(query, chosen, { atlases, halves: halvesOfAll(atlases, split) });
}

interface ScaleTask extends WithKnowledge {
  readonly places: readonly AtlasPlace[];
  readonly query: StructuredQuery;
  readonly chosen: Pick<PromptCandidate, "parts">;
}

/** The measured responses that a score is read against; null where the prompt shows none. */
export async function findMeasured(task: ScaleTask): Promise<{
  readonly dataset: string;
  readonly digest: string;
  readonly groups: readonly string[];
} | null> {
  const { elsewhere, asked } = await measuredFor(task);
  if (elsewhere === null) return null;
  return {
    dataset: elsewhere.atlas.index.dataset,
    digest: scaleDigest(elsewhere, asked),
    groups: elsewhere.responses.flatMap(({ treated, control }) =>
      [...treated, ...control].map(({ group_id }) => group_id),
    ),
  };
}

/** The scale that they make; their cells are at hand. */
export async function scoreMeasured(task: ScaleTask): Promise<PlausibilityScale> {
  const { elsewhere, asked } = await measuredFor(task);
  if (elsewhere === null) throw new Error("No measured responses were found to score.");
  return measuredScale(elsewhere, asked);
}

async function measuredFor({ places, query, chosen, knowledge }: ScaleTask): Promise<{
  readonly elsewhere: MeasuredElsewhere | null;
  readonly asked: Parameters<typeof measuredScale>[1];
}> {
  return {
    elsewhere: measuredElsewhere(query, chosen, await openAll(places)),
    asked: { query, knowledge: loadKnowledge(knowledge) },
  };
}
