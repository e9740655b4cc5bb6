import { join } from "node:path";
import { chooseTargets, type Posed } from "../../cli/validation/choose-targets.ts";
import type { Daemon } from "../../daemon.ts";
import type { Withholdable } from "../../science/atlas/withhold.ts";
import { writeSimulatedAtlas } from "../../science/simulate/simulate-atlas.ts";

/** A measured response that is withheld and asked for. */
export interface Question {
  readonly set: string;
  /** Folder of the imported atlas. */
  readonly dir: string;
  readonly posed: Posed;
}

const MEASURED: readonly (readonly [file: string, what: Withholdable])[] = [
  ["kang18_ifnb_pbmc.h5ad", "cell-type"],
  ["kang2018_pbmc_ifnb.h5ad", "cell-type"],
  ["kang2018_pbmc_ifnb_3donors.h5ad", "donor"],
  ["gbm_panobinostat.h5ad", "donor"],
];
const SIMULATED = "simulated.h5ad";
const SIMULATION = {
  seed: 11,
  nGenes: 1_000,
  nCellTypes: 9,
  nPerturbations: 12,
  cellsPerGroup: 30,
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
  daemon: Daemon,
  {
    data,
    folder,
    count,
  }: { readonly data: string; readonly folder: string; readonly count: number },
): Promise<Question[]> {
  const ofFile = async (source: string, what: Withholdable): Promise<Question[]> => {
    const index = await daemon.atlases.import({ source });
    const [opened] = await daemon.atlases.open([index.dataset]);
    return chooseTargets(index, [what], { all: true })
      .filter(({ reason }) => reason === null)
      .map((posed) => ({ set: index.dataset, dir: opened!.dir, posed }));
  };
  const measured: Question[] = [];
  for (const [file, what] of MEASURED) measured.push(...(await ofFile(join(data, file), what)));
  await writeSimulatedAtlas(join(folder, SIMULATED), SIMULATION);
  const simulated = await ofFile(join(folder, SIMULATED), "cell-type");
  return count > measured.length
    ? [...measured, ...spread(simulated, count - measured.length)]
    : spread([...measured, ...simulated], count);
}
