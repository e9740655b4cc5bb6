import { HaystackError } from "../../errors.ts";
import type { H5adFile, Slot } from "../anndata/open.ts";
import { besideX } from "./beside-x.ts";
import type { ValueKind } from "./counts.ts";
import { classifyValues } from "./counts.ts";
import { layerName } from "./layer-names.ts";
import { readLogarithms } from "./log-base.ts";

export interface CountsSource {
  readonly slot: Slot;
  readonly kind: "counts" | "log1p";
  /** Of logarithms. */
  readonly logBase: number;
  /** What else was there and why this was taken, in sentences; empty where nothing else was. */
  readonly why: readonly string[];
}

interface Judged {
  readonly slot: Slot;
  readonly values: ValueKind;
}

/**
 * Chooses the slot to import: counts in X, in a layer named for them or in raw/X, else logarithms
 * in X or raw/X that can be brought back to counts, and only then whole numbers in a layer whose
 * name says nothing; never a layer whose name says that it counts something else. `layer` ("X",
 * "raw/X", "layers/counts" or "counts") decides instead when given.
 * @throws COLUMN_NOT_FOUND for an unknown layer, COUNTS_INVALID when no slot can be used,
 * ANNDATA_INVALID without any slot, and why the asked slot or X cannot be read
 */
export function chooseSlot(file: H5adFile, layer: string | undefined): CountsSource {
  const isAsked = ({ name }: { readonly name: string }) =>
    layer === undefined || [layer, `layers/${layer}`, `${layer}/X`].includes(name);
  const asked = file.slots.filter(isAsked);
  const passedOver = layer === undefined ? asked.filter((slot) => isSomethingElse(slot)) : [];
  const candidates = asked.filter((slot) => !passedOver.includes(slot));
  if (asked.length === 0) throw noSlot(file, layer, isAsked);
  const sampled = candidates.map((slot) => ({ slot, values: sampleOf(file, slot) }));
  const judged = sampled.filter((one): one is Judged => typeof one.values === "string");
  const chosen = best(file, judged);
  if (chosen === undefined) {
    const failed = sampled.find(({ values }) => typeof values !== "string")?.values;
    if (failed instanceof HaystackError) throw failed;
    const what = [
      ...judged.map(({ slot, values }) => `${slot.name} ${DESCRIPTION[values]}`),
      ...passedOver.map(({ name }) => `${name} counts something else by its name`),
    ].join(", ");
    const other = passedOver[0]?.name.replace(/^layers\//, "");
    throw new HaystackError(
      "COUNTS_INVALID",
      `${file.path} has no usable counts: ${what}; ${ADVICE[judged[0]?.values ?? "empty"] ?? KEEP_COUNTS}${other === undefined ? "" : `, or take such a layer nevertheless with --layer ${other}`}.`,
    );
  }
  const { taken, why } = rawest(file, chosen, judged);
  const { slot, values } = taken;
  const logarithms = values === "log1p" ? readLogarithms(file, slot) : null;
  if (logarithms?.usual === false)
    throw new HaystackError(
      "COUNTS_INVALID",
      `${slot.name} in ${file.path} looks log-normalised, but the counts that its values would come from begin above one in many cells, as they do after other transforms; ${KEEP_COUNTS}.`,
    );
  return {
    slot,
    kind: values === "log1p" ? "log1p" : "counts",
    logBase: logarithms?.base ?? Math.E,
    why: [
      ...why,
      ...reasons(
        taken,
        judged.filter((one) => taken === chosen || one !== chosen),
      ),
      ...(values === "counts" ? equalDepths(file, slot) : notTaken(passedOver)),
    ],
  };
}

/** What the values of a slot are, or why they cannot be read. */
export function sampleOf(file: H5adFile, slot: Slot): ValueKind | HaystackError {
  try {
    return classifyValues(file.sample(slot));
  } catch (thrown) {
    if (thrown instanceof HaystackError) return thrown;
    throw thrown;
  }
}

function best(file: H5adFile, judged: readonly Judged[]): Judged | undefined {
  const named = (kind: ValueKind) =>
    judged
      .filter(({ slot, values }) => values === kind && rank(slot) < OTHER_LAYER)
      .toSorted((a, b) => rank(a.slot) - rank(b.slot))[0];
  const unnamed = judged.find(
    ({ slot, values }) => values === "counts" && rank(slot) >= OTHER_LAYER,
  );
  const logarithms = named("log1p");
  return (
    named("counts") ??
    (logarithms !== undefined && (unnamed === undefined || recovers(file, logarithms.slot))
      ? logarithms
      : undefined) ??
    unnamed ??
    judged.find(({ values }) => values === "log1p") ??
    judged.find(({ values }) => values === "ranks") ??
    judged.find(({ values }) => values === "mask")
  );
}

/**
 * Where X holds whole numbers, and so do a layer named for counts or raw/X: those, unless they are
 * the same. Numbers in X may have been corrected, drawn to one depth or binned.
 */
function rawest(
  file: H5adFile,
  chosen: Judged,
  judged: readonly Judged[],
): { readonly taken: Judged; readonly why: readonly string[] } {
  const why: string[] = [];
  if (chosen.slot.name !== "X" || chosen.values !== "counts") return { taken: chosen, why };
  const others = judged
    .filter((one) => one !== chosen && one.values === "counts" && rank(one.slot) < OTHER_LAYER)
    .toSorted((a, b) => rank(a.slot) - rank(b.slot));
  for (const other of others) {
    const found = besideX(file, chosen.slot, other.slot);
    const { name } = other.slot;
    if (found?.differs === true)
      return {
        taken: other,
        why: [
          `X and ${name} both hold whole numbers, and not the same; ${name} was taken for the counts (--layer X takes the others).`,
        ],
      };
    if (found !== null && found.more > 0)
      why.push(
        `${name} has ${found.more} genes that X lacks; X was taken for the counts (--layer ${name} takes all genes).`,
      );
  }
  return { taken: chosen, why };
}

const OTHER_LAYER = 3;
const WHOLE: ReadonlySet<ValueKind> = new Set(["counts", "mask", "ranks"]);

function rank({ name }: Slot): number {
  if (name === "X") return 0;
  if (name === "raw/X") return 2;
  return layerName(name) === "counts" ? 1 : OTHER_LAYER;
}

const isSomethingElse = ({ name }: Slot): boolean =>
  name.startsWith("layers/") && layerName(name) === "something else";

function notTaken(passedOver: readonly Slot[]): string[] {
  const names = passedOver.map(({ name }) => name).join(", ");
  return passedOver.length === 0
    ? []
    : [
        `${names} was not taken for the counts, as its name says something else (--layer takes it).`,
      ];
}

/** Said where cells have equal totals, as counts hardly ever do. */
function equalDepths(file: H5adFile, slot: Slot): string[] {
  if (slot.layout === "csc") return [];
  const { nRows, data, indptr } = file.rows(slot, 0, Math.min(DEPTHS, slot.nRows));
  const totals = Array.from({ length: nRows }, (_, row) =>
    data.subarray(indptr[row], indptr[row + 1]).reduce((sum, value) => sum + value, 0),
  ).filter((total) => total > 0);
  const [least, most] = [Math.min(...totals), Math.max(...totals)];
  return totals.length < FEW_DEPTHS || least < SHALLOW || most > 1.01 * least
    ? []
    : [
        `All cells have about ${Math.round(most)} counts by ${slot.name}, as values have that were normalised and then rounded, or counts drawn to one depth; take the counts as measured where there are any (--layer).`,
      ];
}
const DEPTHS = 64;
const FEW_DEPTHS = 20;
const SHALLOW = 1000;

/** Whether the first rows of logarithms turn into whole counts. */
function recovers(file: H5adFile, slot: Slot): boolean {
  const { exact, usual } = readLogarithms(file, slot);
  return usual && exact > 0.9;
}

function reasons({ slot, values }: Judged, judged: readonly Judged[]): string[] {
  const passed = judged.filter(
    (other) =>
      other.slot !== slot &&
      WHOLE.has(other.values) &&
      (slot.name !== "X" || rank(other.slot) >= OTHER_LAYER),
  );
  const doubt =
    values === "mask" || values === "ranks"
      ? [`The values of ${slot.name} were taken as counts, though it ${DESCRIPTION[values]}.`]
      : rank(slot) >= OTHER_LAYER && values === "counts"
        ? [
            `The whole numbers of ${slot.name} were taken as counts, though its name does not say so; say which to take with --layer.`,
          ]
        : [];
  return [
    ...doubt,
    ...(passed.length === 0
      ? []
      : [
          `${slot.name} was taken for the counts; ${passed.map((other) => `${other.slot.name} ${DESCRIPTION[other.values]}`).join(", ")} and was not (--layer takes another).`,
        ]),
  ];
}

function noSlot(
  file: H5adFile,
  layer: string | undefined,
  isAsked: (slot: { readonly name: string }) => boolean,
): HaystackError {
  const unreadable = file.unreadable.find((slot) => isAsked(slot));
  if (unreadable !== undefined) return unreadable.error;
  const names = file.slots.map(({ name }) => name).join(", ") || "none";
  return layer === undefined
    ? new HaystackError(
        "ANNDATA_INVALID",
        `${file.path} holds no matrix of cells x genes; write the file again with the counts in adata.X.`,
      )
    : new HaystackError(
        "COLUMN_NOT_FOUND",
        `${file.path} has no layer "${layer}"; its matrices are: ${names}.`,
      );
}

const DESCRIPTION: Record<ValueKind, string> = {
  empty: "has no value above zero",
  counts: "holds whole numbers",
  mask: "holds only 0 and 1",
  ranks: "holds whole numbers spread like ranks or bins",
  log1p: "holds log-normalised values",
  linear:
    "has decimal values that are no logarithms (normalised but not log-transformed, or estimated counts)",
  roots: "holds square roots of whole numbers",
  negative: "has negative values, as scaled data do",
  "not finite": "has missing (NaN) or infinite values",
};
const KEEP_COUNTS =
  'keep the raw counts in adata.layers["counts"] or adata.raw before scaling or correcting, and write the file again';
const ADVICE: Partial<Record<ValueKind, string>> = {
  roots: `${KEEP_COUNTS}, or write it again after adata.X = adata.X ** 2 (of a sparse X adata.X = adata.X.power(2))`,
  linear: `${KEEP_COUNTS}, or write it again after scanpy.pp.log1p(adata) (values normalised by cell) or adata.X = numpy.rint(adata.X) (estimated counts)`,
  "not finite":
    "fill them by zero (adata.X = numpy.nan_to_num(adata.X); of a sparse X adata.X.data = numpy.nan_to_num(adata.X.data)) and write the file again",
};
