import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { go, link } from "../address.ts";
import type { paths } from "../api/described.d.ts";
import { count, plural } from "../words.ts";

type Answer<Path extends "/api/v1/atlas/cell-types" | "/api/v1/atlas/perturbations"> =
  paths[Path]["get"]["responses"][200]["content"]["application/json"];
type Types = Answer<"/api/v1/atlas/cell-types">;
type Changes = Answer<"/api/v1/atlas/perturbations">;
type Measured = Changes["perturbations"][number]["measured"][number];

/** Rows and columns that are shown at most. */
export const MOST = 200;

/** What a cell of the map may tell, and how dark it is for that. */
const SHADES = {
  cells: ({ n_cells }: Measured) => n_cells,
  donors: ({ donors }: Measured) => donors,
  doses: ({ doses }: Measured) => doses.length,
} as const;
type Shade = keyof typeof SHADES;
const LEVELS = 5;

/** 1 to 5 on a scale of ratios, 5 for the most there is. */
function levelOf(value: number, most: number): number {
  if (value <= 0) return 0;
  if (most <= 1) return LEVELS;
  return 1 + Math.round((Math.log(value) / Math.log(most)) * (LEVELS - 1));
}

function wordsOf(measured: Measured | undefined): string {
  if (measured === undefined) return "to be predicted";
  const { n_cells, donors, doses, times, n_cells_without_control: without } = measured;
  const parts = [`measured in ${plural(n_cells, "cell")} of ${plural(donors, "donor")}`];
  if (doses.length > 0) parts.push(`doses ${doses.join(", ")}`);
  if (times.length > 0) parts.push(`times ${times.join(", ")}`);
  if (without > 0) parts.push(`${count(without)} of the cells without matched controls`);
  return parts.join("; ");
}

/** Cell types by perturbations, shaded by what was measured; chosen ones are asked about. */
export function AtlasMap({
  types,
  changes,
}: {
  readonly types: Types;
  readonly changes: Changes;
}): JSX.Element {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [shade, setShade] = useState<Shade>("cells");
  const [told, setTold] = useState("");
  const measuredOf = useMemo(
    () =>
      new Map(
        changes.perturbations.map(({ name, measured }) => [
          name,
          new Map(measured.map((each) => [each.cell_type, each])),
        ]),
      ),
    [changes],
  );
  const most = useMemo(
    () =>
      changes.perturbations
        .flatMap(({ measured }) => measured.map(SHADES[shade]))
        .reduce((a, b) => Math.max(a, b), 0),
    [changes, shade],
  );
  const pairs = [...chosen].map((key) => JSON.parse(key) as [string, string]);
  const ask = (): void => {
    const search = new URLSearchParams();
    for (const [cell_type, perturbation] of pairs) {
      search.append("cell_type", cell_type);
      search.append("perturbation", perturbation);
    }
    go(link([], search));
  };
  const toggle = (key: string): void => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  };
  return (
    <>
      <div class="row spread">
        <h2>Cell types and perturbations</h2>
        <p class="row">
          <label class="check">
            Shown
            <select
              value={shade}
              onChange={({ currentTarget: { value } }) => setShade(value as Shade)}
            >
              {Object.keys(SHADES).map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <button type="button" class="main" disabled={pairs.length === 0} onClick={ask}>
            {pairs.length === 0 ? "Choose what to ask" : `Ask ${plural(pairs.length, "question")}`}
          </button>
        </p>
      </div>
      <p class="hint">
        The stronger the colour, the more {shade} were measured; ○ is to be predicted, ! lacks
        matched controls. Choose any to ask about them.
        {(types.total > MOST || changes.total > MOST) &&
          ` The first ${MOST} of ${count(types.total)} cell types and ${count(changes.total)} perturbations are shown.`}
      </p>
      <p class="told hint" aria-hidden="true">
        {told}
      </p>
      <div
        class="scroll"
        tabIndex={0}
        role="region"
        aria-label="Map of cell types and perturbations"
      >
        <table class="map">
          <thead>
            <tr>
              <th scope="col">Cell type</th>
              <th scope="col" class="number">
                Cells
              </th>
              <th scope="col" class="number">
                Controls
              </th>
              {changes.perturbations.map(({ name, n_cells }) => (
                <th key={name} scope="col">
                  {name}
                  <span class="second">{plural(n_cells, "cell")}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {types.cell_types.map((type) => (
              <tr key={type.name}>
                <th scope="row">{type.name}</th>
                <td class="number">{count(type.n_cells)}</td>
                <td class="number">
                  {type.n_control_cells === 0 ? "none" : count(type.n_control_cells)}
                </td>
                {changes.perturbations.map(({ name }) => {
                  const measured = measuredOf.get(name)?.get(type.name);
                  const words = `${type.name} under ${name}: ${wordsOf(measured)}`;
                  const key = JSON.stringify([type.name, name]);
                  const value = measured === undefined ? 0 : SHADES[shade](measured);
                  return (
                    <td key={name} class="cell">
                      <button
                        type="button"
                        class={`heat heat-${levelOf(value, most)}`}
                        aria-pressed={chosen.has(key)}
                        aria-label={words}
                        onClick={() => toggle(key)}
                        onFocus={() => setTold(words)}
                        onPointerEnter={() => setTold(words)}
                      >
                        {measured === undefined ? "○" : value === 0 ? "–" : count(value)}
                        {measured !== undefined && measured.n_cells_without_control > 0 && " !"}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
