import type { AnnData } from "../anndata/anndata.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { benjaminiHochberg } from "../statistics/benjamini-hochberg.ts";
import { rankSumsByGene } from "../statistics/rank-sum-by-gene.ts";
import { logNormalise } from "../statistics/normalise.ts";
import {
  calibrateChanges,
  CHANGE_THRESHOLDS,
  UNCALIBRATED,
  type Calibration,
  type LeftOutPart,
  type MeasuredResponse,
} from "./expected-changes.ts";
import { momentsByGroup, placesOf } from "./group-moments.ts";
import type { SeenResponse } from "./gene-ranks.ts";
import { canTellChange, drawGroups } from "./measured-cells.ts";
import type { EvidencePart } from "./prompt-evidence.ts";

interface Located {
  readonly part: EvidencePart;
  readonly treated: CellGroup;
  readonly control: CellGroup;
}

/** What the responses behind a prediction show of themselves. */
export interface BehindPrediction {
  readonly calibration: Calibration;
  readonly seen: readonly SeenResponse[];
}

/**
 * The responses of these parts on all their cells, as the atlases hold them: one of each cell type,
 * or of each donor where there is one cell type. Left out in turn they calibrate how many genes a
 * prediction from them calls changed; UNCALIBRATED with fewer than two of them, where those with too
 * few cells to call any gene changed do not count.
 */
export async function responsesBehind(
  genes: readonly string[],
  parts: readonly EvidencePart[],
  atlases: readonly OpenAtlas[],
  seed: number,
): Promise<BehindPrediction> {
  const located = locate(parts, atlases);
  const types = new Set(located.map(({ treated }) => treated.cell_type));
  const unitOf = ({ treated }: Located): string =>
    types.size > 1 ? treated.cell_type : treated.donor;
  const units = Map.groupBy(located, unitOf);
  const seen: SeenResponse[] = [];
  const leftOut: LeftOutPart[] = [];
  const measured: MeasuredResponse[] = [];
  for (const [unit, members] of units) {
    const response = await measure(genes, members, { atlases, seed });
    leftOut.push(...response.parts.map((part) => ({ ...part, unit })));
    seen.push({
      weight: members.reduce((sum, { part }) => sum + part.weight, 0),
      superiority: response.superiority,
    });
    if (response.canTell) measured.push({ unit, changed: response.changed });
  }
  return {
    calibration:
      measured.length < 2 ? UNCALIBRATED : calibrateChanges(genes.length, leftOut, measured),
    seen,
  };
}

/**
 * The matched controls of the parts as the atlases hold them, for a prediction that was made without
 * them: what its prompt cells are apart from the query cells is no response. Null controls where no
 * part has any.
 */
export async function matchedControls(
  parts: readonly EvidencePart[],
  atlases: readonly OpenAtlas[],
  seed: number,
): Promise<{ readonly controls: AnnData | null; readonly parts: readonly EvidencePart[] }> {
  const located = locate(parts, atlases);
  if (located.length === 0) return { controls: null, parts };
  const controlOf = new Map(located.map(({ part, control }) => [part, control.group_id]));
  return {
    controls: await drawGroups(
      located.map(({ control }) => control),
      atlases,
      seed,
    ),
    parts: parts.map((part) => ({ ...part, control_group_id: controlOf.get(part) ?? null })),
  };
}

function locate(parts: readonly EvidencePart[], atlases: readonly OpenAtlas[]): Located[] {
  const byId = new Map(
    atlases.flatMap(({ index }) => index.groups.map((group) => [group.group_id, group] as const)),
  );
  return parts.flatMap((part) => {
    const treated = byId.get(part.group_id);
    const control = byId.get(treated?.control_group_id ?? "");
    return treated === undefined || control === undefined ? [] : [{ part, treated, control }];
  });
}

interface Measured {
  readonly parts: readonly Omit<LeftOutPart, "unit">[];
  readonly changed: number;
  /** By gene, as rankSumsByGene has it; NaN where the cells lack the gene. */
  readonly superiority: Float64Array;
  /** Whether so many cells can call a lone gene changed. */
  readonly canTell: boolean;
}

/** The parts of one unit with their cells, and the genes that all these cells together call changed. */
async function measure(
  genes: readonly string[],
  members: readonly Located[],
  { atlases, seed }: { readonly atlases: readonly OpenAtlas[]; readonly seed: number },
): Promise<Measured> {
  const cellsOf = (groups: readonly CellGroup[]) => drawGroups(groups, atlases, seed);
  const treated = await cellsOf(members.map((member) => member.treated));
  const control = await cellsOf(members.map((member) => member.control));
  const ofTreated = momentsByGroup(treated, genes);
  const ofControl = momentsByGroup(control, genes);
  const tested = rankSumsByGene(logNormalise(treated.X), logNormalise(control.X), "uncorrected");
  const places = placesOf(treated.var.index, genes);
  const [p, superiority] = [tested.p, tested.superiority].map((values) =>
    Float64Array.from(places, (at) => (at === -1 ? Number.NaN : values[at]!)),
  );
  const after = ofTreated.get("")!.mean;
  const before = ofControl.get("")!.mean;
  const { maxAdjustedP, minChange } = CHANGE_THRESHOLDS;
  return {
    superiority: superiority!,
    canTell: canTellChange(treated.X.nRows, control.X.nRows, genes.length),
    parts: members.map(({ part, treated: own, control: matched }) => ({
      treated: ofTreated.get(own.group_id)!,
      control: ofControl.get(matched.group_id)!,
      weight: part.weight,
    })),
    changed: benjaminiHochberg(p!).filter(
      (adjusted, gene) =>
        adjusted < maxAdjustedP && Math.abs(after[gene]! - before[gene]!) >= minChange,
    ).length,
  };
}
