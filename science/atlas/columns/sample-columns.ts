import type { SampleColumn, SampleKind } from "../atlas-index.ts";
import type { CodedLabels, ReadLabels } from "./labels.ts";
import { allOf } from "./usual-names.ts";

/** Where cells come from, beside what they are and what they were given. */

const USUAL: Readonly<Record<SampleKind, readonly string[]>> = {
  species: ["organism", "species"],
  tissue: [
    "tissue",
    "tissue_general",
    "organ",
    "tissue_name",
    "tissue_of_origin",
    "anatomical_site",
    "body_site",
    "organ_tissue",
    "tissue_type",
  ],
  disease: [
    "disease",
    "disease_state",
    "disease_status",
    "diagnosis",
    "health_status",
    "clinical_status",
    "pathology",
    "condition",
    "status",
  ],
  donor_group: [
    "sex",
    "gender",
    "age_group",
    "development_stage",
    "ethnicity",
    "self_reported_ethnicity",
    "smoking_status",
    "donor_group",
    "patient_group",
    "cohort",
    "group",
    "strain",
    "genotype",
  ],
};
/** More values than this name samples, and no kinds of them. */
const MOST_VALUES = 200;

/** The columns that say where cells come from, without those that are `used` otherwise. */
export function sampleColumns(
  obs: readonly string[],
  used: readonly (string | null | undefined)[],
  read: ReadLabels,
): readonly (SampleColumn & { readonly cells: CodedLabels })[] {
  return (Object.keys(USUAL) as SampleKind[]).flatMap((kind) =>
    allOf(USUAL[kind], obs)
      .filter((name) => !used.includes(name))
      .map((name) => ({ name, kind, cells: read(name) }))
      .filter(
        ({ cells: { labels } }) =>
          labels.length > 0 &&
          labels.length <= MOST_VALUES &&
          labels.some((label) => /\p{L}/u.test(label)),
      ),
  );
}

/**
 * What all cells of each group have in each column: [group][column], undefined where they differ or
 * one of them has none.
 */
export function sharedBySamples(
  columns: readonly { readonly cells: CodedLabels }[],
  groupOf: Int32Array,
  groups: number,
): readonly (readonly (string | undefined)[])[] {
  const DIFFERS = -2;
  const UNSEEN = -3;
  const shared = columns.map(({ cells: { codes, labels } }) => {
    const code = new Int32Array(groups).fill(UNSEEN);
    groupOf.forEach((group, cell) => {
      if (group < 0) return;
      const own = codes[cell] ?? -1;
      if (code[group] === UNSEEN) code[group] = own;
      else if (code[group] !== own) code[group] = DIFFERS;
    });
    return Array.from(code, (each) => labels[each]);
  });
  return Array.from({ length: groups }, (_, group) => shared.map((column) => column[group]));
}
