import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { AtlasMap, MOST } from "../parts/atlas-map.tsx";
import { Empty, LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { UploadAtlas } from "../parts/upload.tsx";
import { useSession } from "../session.tsx";
import { plural } from "../words.ts";

const LOOK_MS = 1_000;

/** What the atlases hold, and questions by choosing cells of the map. */
export function AtlasPage(): JSX.Element {
  const { role } = useSession();
  const [wanted, setWanted] = useState<string>();
  const { content, refusal, lostSince, again } = useLoaded(async (signal) => {
    const [{ datasets }, types, changes] = await Promise.all([
      get("/api/v1/atlas/datasets", { signal }),
      get("/api/v1/atlas/cell-types", { asked: { limit: MOST }, signal }),
      get("/api/v1/atlas/perturbations", { asked: { limit: MOST }, signal }),
    ]);
    return { datasets, types, changes };
  }, []);
  const isMissing =
    wanted !== undefined && content?.datasets.every(({ dataset }) => dataset !== wanted) === true;
  // The daemon tells of a new atlas within seconds.
  useEffect(() => {
    if (!isMissing) return undefined;
    const timer = setInterval(again, LOOK_MS);
    return () => clearInterval(timer);
  }, [isMissing]);
  const title = <h1>Atlas</h1>;
  const adding = role === "admin" && <UploadAtlas key="adding" onImported={setWanted} />;
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
          {role === "admin" && "Upload one below, or import"}
          {role !== "admin" && "Import"} one on this machine with{" "}
          <code>haystack atlas import FILE</code>.
        </Empty>
        {adding}
      </>
    );
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
      <AtlasMap types={types} changes={changes} />
      {adding}
    </>
  );
}
