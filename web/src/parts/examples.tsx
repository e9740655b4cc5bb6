import type { JSX } from "preact";
import { get } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import type { Labels } from "../exact-labels.ts";
import { Notice } from "./notice.tsx";

const SHOWN = 4;

/** Questions that the loaded atlases can answer, asked by their own labels. */
export function Examples({
  onChosen,
}: {
  readonly onChosen: (labels: Labels) => void;
}): JSX.Element | null {
  const { content } = useLoaded(async (signal) => {
    const [{ cell_types }, { perturbations, total }] = await Promise.all([
      get("/api/v1/atlas/cell-types", { asked: { limit: 20 }, signal }),
      get("/api/v1/atlas/perturbations", { asked: { limit: 20 }, signal }),
    ]);
    const asked = cell_types.filter(({ n_control_cells }) => n_control_cells > 0);
    const pairs = asked.flatMap((cell) =>
      perturbations
        .filter(({ datasets }) => datasets.some((name) => cell.datasets.includes(name)))
        .map((perturbation) => ({ cell_type: cell.name, perturbation: perturbation.name })),
    );
    const step = Math.max(1, Math.floor(pairs.length / SHOWN));
    return {
      examples: pairs.filter((_, place) => place % step === 0).slice(0, SHOWN),
      isEmpty: total === 0 && cell_types.length === 0,
    };
  }, []);
  if (content === undefined) return null;
  if (content.isEmpty)
    return (
      <Notice kind="note" title="There is no atlas yet.">
        Import one on this machine with <code>haystack atlas import FILE</code>, or make one up with{" "}
        <code>haystack atlas simulate</code>.
      </Notice>
    );
  if (content.examples.length === 0) return null;
  return (
    <div class="examples">
      <span id="examples">Try one that the atlas can answer:</span>
      <ul aria-labelledby="examples">
        {content.examples.map((example) => (
          <li key={`${example.cell_type} ${example.perturbation}`}>
            <button type="button" onClick={() => onChosen(example)}>
              {example.cell_type} × {example.perturbation}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
