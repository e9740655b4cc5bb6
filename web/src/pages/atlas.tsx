import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { go, link } from "../address.ts";
import { get } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { Empty, LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { count, plural } from "../words.ts";

const MOST = 200;

/** What the atlases hold, and questions by choosing cells of the map. */
export function AtlasPage(): JSX.Element {
  const { content, refusal, lostSince } = useLoaded(async (signal) => {
    const [{ datasets }, types, changes] = await Promise.all([
      get("/api/v1/atlas/datasets", { signal }),
      get("/api/v1/atlas/cell-types", { asked: { limit: MOST }, signal }),
      get("/api/v1/atlas/perturbations", { asked: { limit: MOST }, signal }),
    ]);
    return { datasets, types, changes };
  }, []);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const title = <h1>Atlas</h1>;
  if (content === undefined)
    return (
      <>
        {title}
        <LostConnection since={lostSince} why={refusal?.message} />
        {refusal === undefined ? (
          <Waiting what="the atlases" />
        ) : (
          lostSince === undefined && <Notice kind="bad">{refusal.message}</Notice>
        )}
      </>
    );
  const { datasets, types, changes } = content;
  if (datasets.length === 0)
    return (
      <>
        {title}
        <Empty title="There is no atlas yet.">
          Import one on this machine with <code>haystack atlas import FILE</code>.
        </Empty>
      </>
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
  return (
    <>
      {title}
      <ul class="datasets">
        {datasets.map((each) => (
          <li key={each.dataset} class="card">
            <h2>
              {each.dataset}
              {each.simulated && <span class="tag">simulated</span>}
            </h2>
            <p>
              {plural(each.n_cells, "cell")}, {plural(each.n_genes, "gene")},{" "}
              {plural(each.cell_types, "cell type")}, {plural(each.perturbations, "perturbation")},{" "}
              {plural(each.donors, "donor")}
            </p>
            <p class="hint">From {each.source_file}</p>
            {each.warnings.map((warning) => (
              <Notice key={warning} kind="note">
                {warning}
              </Notice>
            ))}
          </li>
        ))}
      </ul>
      <div class="row spread">
        <h2>Cell types and perturbations</h2>
        <button type="button" class="main" disabled={pairs.length === 0} onClick={ask}>
          {pairs.length === 0 ? "Choose what to ask" : `Ask ${plural(pairs.length, "question")}`}
        </button>
      </div>
      <p class="hint">
        ● measured in this cell type, ○ to be predicted. Choose any to ask about them.
        {(types.total > MOST || changes.total > MOST) &&
          ` The first ${MOST} of ${count(types.total)} cell types and ${count(changes.total)} perturbations are shown.`}
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
                {changes.perturbations.map((change) => {
                  const key = JSON.stringify([type.name, change.name]);
                  const isMeasured = change.cell_types.includes(type.name);
                  return (
                    <td key={change.name} class="cell">
                      <button
                        type="button"
                        aria-pressed={chosen.has(key)}
                        aria-label={`${type.name} under ${change.name}, ${isMeasured ? "measured" : "to be predicted"}`}
                        onClick={() => {
                          const next = new Set(chosen);
                          if (!next.delete(key)) next.add(key);
                          setChosen(next);
                        }}
                      >
                        {isMeasured ? "●" : "○"}
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
