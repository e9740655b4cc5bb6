import { join } from "node:path";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeSimulatedAtlas } from "../../science/simulate/simulate-atlas.ts";
import { SetCells } from "../truth/cells.ts";
import { placeOf, SETS, type Target, type TruthSet } from "../truth/sets.ts";

export interface AskedTarget {
  readonly set: TruthSet;
  readonly cells: SetCells;
  readonly target: Target;
}

const MEASURED = ["kang_5_types", "kang_8_types", "kang_3_donors", "glioblastoma"];
const SIMULATION = {
  seed: 11,
  nGenes: 1_000,
  nCellTypes: 9,
  nPerturbations: 10,
  cellsPerGroup: 30,
};

const SIMULATED: TruthSet = {
  name: "simulated",
  file: "simulated.h5ad",
  columns: { cell_type: "cell_type", perturbation: "perturbation", donor: "donor_id" },
  control: "control",
  withhold: "cell_type",
  question: ({ cell_type, perturbation }) => `How would ${cell_type} respond to ${perturbation}?`,
};

const spread = <Item>(items: readonly Item[], most: number): Item[] =>
  Array.from(
    { length: Math.min(most, items.length) },
    (_, i) => items[Math.floor((i * items.length) / Math.min(most, items.length))]!,
  );

/**
 * So many questions: every target of the measured sets, and of a simulated atlas as many as are left;
 * fewer are spread evenly over all. `data` holds the measured files.
 */
export async function questions(
  data: string,
  folder: string,
  count: number,
): Promise<AskedTarget[]> {
  const targetsOf = async (set: TruthSet, place: string): Promise<AskedTarget[]> => {
    const cells = new SetCells(set, await readH5ad(place));
    return cells.targets().map((target) => ({ set, cells, target }));
  };
  const measured: AskedTarget[] = [];
  for (const set of SETS.filter(({ name }) => MEASURED.includes(name)))
    measured.push(...(await targetsOf(set, placeOf(set, data))));
  const place = join(folder, SIMULATED.file);
  await writeSimulatedAtlas(place, SIMULATION);
  const simulated = await targetsOf(SIMULATED, place);
  const left = Math.max(0, count - measured.length);
  return left > 0
    ? [...measured, ...spread(simulated, left)]
    : spread([...measured, ...simulated], count);
}
