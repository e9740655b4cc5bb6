import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { WITHHOLDABLE, type Withholdable } from "../../science/atlas/withhold.ts";
import {
  allTargets,
  donorName,
  LEAST_CELLS,
  whatFits,
  whyNotJudged,
  type Target,
} from "../../science/validation/targets.ts";

/** A question whose answer the atlas holds, and what of it is withheld. */
export interface Posed {
  readonly target: Target;
  readonly what: readonly Withholdable[];
  /** Why it cannot be judged, as one sentence; null where it can. */
  readonly reason: string | null;
}

export interface Wanted {
  readonly all: boolean;
  readonly cellType?: string | undefined;
  readonly perturbation?: string | undefined;
  readonly donor?: string | undefined;
}

/** "cell-type,donor" withholds both at once. Error USAGE. */
export function readWhat(text: string): readonly Withholdable[] {
  const named = text.split(",").map((part) => part.trim());
  const known = WITHHOLDABLE.filter((each) => named.includes(each));
  if (known.length === 0 || known.length !== new Set(named).size)
    throw new HaystackError(
      "USAGE",
      `--withhold "${text}" names something that cannot be withheld; give ${WITHHOLDABLE.join(", ")}, or several of them joined by commas.`,
    );
  return known;
}

/**
 * The targets chosen, with those that cannot be judged and why. Errors: USAGE when too little was
 * chosen, GROUP_EMPTY when the file has no such target or none of them can be judged.
 */
export function chooseTargets(
  index: AtlasIndex,
  what: readonly Withholdable[],
  wanted: Wanted,
): Posed[] {
  const { all, cellType, perturbation, donor } = wanted;
  const isNamed = cellType !== undefined && perturbation !== undefined;
  if (!all && !(isNamed && (donor !== undefined || !what.includes("donor"))))
    throw new HaystackError(
      "USAGE",
      `Nothing was chosen to be withheld; name it with --cell-type and --perturbation${what.includes("donor") ? " and --donor" : ""}, or choose every target with --all.`,
    );
  const targets = allTargets(index, what);
  const chosen = targets.filter(
    (target) =>
      (cellType ?? target.cell_type) === target.cell_type &&
      (perturbation ?? target.perturbation) === target.perturbation &&
      (donor === undefined || target.donor === null || isDonor(target.donor, donor)),
  );
  if (chosen.length === 0) throw noSuch(targets, wanted);
  const posed = chosen.map((target) => ({
    target,
    what,
    reason: whyNotJudged(index, target, what),
  }));
  if (posed.every(({ reason }) => reason !== null)) throw noneFits(index, what, posed);
  return posed;
}

/** A donor by its name, with or without the data set that the atlas puts before it. */
const isDonor = (actual: string, named: string): boolean =>
  actual === named || actual.endsWith(`:${named}`);

function noSuch(targets: readonly Target[], { cellType, perturbation, donor }: Wanted) {
  const labels = (of: (target: Target) => string | null): string =>
    [...new Set(targets.map(of))].filter((label) => label !== null).join(", ");
  const donors = labels((target) => (target.donor === null ? null : donorName(target.donor)));
  return new HaystackError(
    "GROUP_EMPTY",
    `The file has no perturbed cells of ${cellType ?? "any cell type"} under ${perturbation ?? "any perturbation"}${donor === undefined ? "" : ` of donor ${donor}`}; choose from ${labels((target) => target.cell_type)} under ${labels((target) => target.perturbation)}${donors === "" ? "" : ` of the donors ${donors}`}.`,
  );
}

function noneFits(
  index: AtlasIndex,
  asked: readonly Withholdable[],
  posed: readonly Posed[],
): HaystackError {
  const fits = whatFits(index).filter(({ what }) => asked.length > 1 || !asked.includes(what));
  const advice =
    fits.length === 0
      ? `a response can only be predicted where another cell type, donor or perturbation has at least ${LEAST_CELLS} perturbed and ${LEAST_CELLS} control cells, so import an atlas with more`
      : `this atlas can be asked with ${fits.map(({ what, n }) => `--withhold ${what} (${n} ${what.replace("-", " ")}s)`).join(" or ")}`;
  return new HaystackError(
    "GROUP_EMPTY",
    `No target can be judged with --withhold ${asked.join(",")}: ${posed[0]!.reason ?? ""} ${advice[0]!.toUpperCase()}${advice.slice(1)}.`,
  );
}
