import type { ColumnChoice } from "./choose-columns.ts";
import type { CodedLabels } from "./labels.ts";
import { controlCodes } from "./tallies.ts";
import { plain } from "./usual-names.ts";

/** Columns of what was handled together, and so has effects of its own on what is measured. */
const BATCH =
  /^(?:(?:library|culture|hash|sample|sequencing)?(?:plate|batch|lane|run)|library|chip|channel|flowcell|gem(?:group|well)?)(?:id|name|number|nr)?$/;
const MOST_VALUES = 5_000;
const SHOWN = 5;

/**
 * Said where no control cell was handled together with any cell of a perturbation, one sentence a
 * column. `given`: what each cell was given, -1 for cells that are left out.
 */
export function batchNotes(
  { obs, read, perturbation, cell_type, donor, controls }: ColumnChoice,
  given: CodedLabels,
): string[] {
  const isControl = controlCodes(given, controls);
  return obs
    .filter((name) => BATCH.test(plain(name)) && ![perturbation, cell_type, donor].includes(name))
    .flatMap((name) => {
      const { labels, codes } = read(name);
      if (labels.length < 2 || labels.length > MOST_VALUES) return [];
      const ofControls = new Set(
        codes.filter((code, cell) => code >= 0 && isControl[given.codes[cell] ?? -1] === true),
      );
      if (ofControls.size === 0) return [];
      const shared = new Set<number>();
      const seen = new Set<number>();
      codes.forEach((code, cell) => {
        const label = given.codes[cell] ?? -1;
        if (code < 0 || label < 0 || isControl[label] === true) return;
        seen.add(label);
        if (ofControls.has(code)) shared.add(label);
      });
      const apart = [...seen].filter((label) => !shared.has(label));
      const named = apart.slice(0, SHOWN).map((label) => given.labels[label]);
      const more = apart.length > SHOWN ? ` and ${apart.length - SHOWN} more` : "";
      return apart.length === 0
        ? []
        : [
            `No control cell has the ${name} of the cells given ${named.join(", ")}${more}, so what these do cannot be told from what ${name} does.`,
          ];
    });
}
