import type { JSX } from "preact";
import type { Inspection } from "../api/client.ts";
import { count, plural } from "../words.ts";

/** The cells of which values of a column are imported; all where no column is named. */
export interface Only {
  readonly column: string;
  readonly values: readonly string[];
}

export const ALL_CELLS: Only = { column: "", values: [] };

/** Chooses cells by the values of one column. */
export function OnlyCells({
  obs,
  only: { column, values },
  onOnly,
}: {
  readonly obs: Inspection["obs"];
  readonly only: Only;
  readonly onOnly: (only: Only) => void;
}): JSX.Element {
  const labelled = obs.filter((each) => (each.values?.length ?? 0) > 0);
  const chosen = labelled.find(({ name }) => name === column);
  const shown = chosen?.values ?? [];
  return (
    <>
      <label>
        Import only the cells of
        <select
          value={column}
          onChange={(event) => onOnly({ column: event.currentTarget.value, values: [] })}
        >
          <option value="">all values</option>
          {labelled.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {chosen !== undefined && (
        <fieldset>
          <legend>Values of {column}</legend>
          <p class="hint">Cells of other values are left out; choose at least one.</p>
          {shown.map(({ value, cells }) => (
            <label key={value} class="check">
              <input
                type="checkbox"
                required={values.length === 0}
                checked={values.includes(value)}
                onChange={(event) =>
                  onOnly({
                    column,
                    values: event.currentTarget.checked
                      ? [...values, value]
                      : values.filter((each) => each !== value),
                  })
                }
              />
              {value} <span class="hint">{plural(cells, "cell")}</span>
            </label>
          ))}
          {chosen.n_values !== undefined && chosen.n_values > shown.length && (
            <p class="hint">and {count(chosen.n_values - shown.length)} less frequent values</p>
          )}
        </fieldset>
      )}
    </>
  );
}
