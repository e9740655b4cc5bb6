import type { JSX } from "preact";
import type { Check } from "../api/client.ts";
import type { CheckBody, Checked } from "../checks.ts";
import { count, plural, words } from "../words.ts";
import { Notice } from "./notice.tsx";
import { Outlook } from "./outlook.tsx";

type Query = NonNullable<Check["structured_query"]>;

const READ_BY = {
  rules: "rules",
  language_model: "the language model",
  labels: "the labels of the atlas",
} as const;

/** Words beside a name that were not read; a repaired name is said by itself. */
function isBroader(
  { field, text }: Pick<Query["ambiguities"][number], "field" | "text">,
  { cell_type, perturbation }: Pick<Query, "cell_type" | "perturbation">,
): boolean {
  if (field === "cell_type")
    return cell_type.match !== "spelling" || text !== cell_type.matched_text;
  const asked = perturbation.matched_text;
  return (
    field === "perturbation" &&
    text !== asked &&
    asked.split(" + ").some((part) => text.includes(part))
  );
}

/** What was taken to mean something else than it says letter by letter. */
function repairs({ cell_type, perturbation, ambiguities, not_used }: Query): string[] {
  const told: string[] = [];
  for (const part of [cell_type, perturbation]) {
    if (part.match === "spelling")
      told.push(`“${part.matched_text}” was read as ${part.name}, by its spelling.`);
    else if (part.match === "synonym")
      told.push(`“${part.matched_text}” is another name of ${part.name}.`);
  }
  for (const { field, text, chosen, alternatives } of ambiguities)
    told.push(
      alternatives.length === 0 && isBroader({ field, text }, { cell_type, perturbation })
        ? `“${text}” was read as ${chosen}, broader than what was asked.`
        : `“${text}” could be several things (${field.replace("_", " ")}): ${chosen} was chosen${alternatives.length === 0 ? "" : `, not ${alternatives.join(", ")}`}.`,
    );
  if (not_used !== undefined && not_used.length > 0)
    told.push(`No cells are chosen by the ${not_used.join(" and ")} that you name.`);
  return told;
}

const context = ({ dose, time, tissue, donor }: Query): string =>
  Object.entries({ dose, time, tissue, donor })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

function Facts({ found, query }: { readonly found: Check; readonly query: Query }): JSX.Element {
  const { cell_type, perturbation, measured_answer: measured } = query;
  const told = context(query);
  return (
    <>
      <dl class="facts">
        <dt>Cell type</dt>
        <dd>
          {cell_type.name}
          {cell_type.cell_ontology_id !== null && (
            <span class="hint"> {cell_type.cell_ontology_id}</span>
          )}
          {cell_type.atlas_labels.length > 0 && (
            <span class="hint"> in the atlas: {cell_type.atlas_labels.join(", ")}</span>
          )}
        </dd>
        <dt>Perturbation</dt>
        <dd>
          {perturbation.combination === undefined
            ? perturbation.name
            : perturbation.combination.map(({ name }) => name).join(" + ")}
          <span class="hint"> {perturbation.kind === "unknown" ? "" : perturbation.kind}</span>
          <span class="hint">
            {perturbation.atlas_labels.length === 0
              ? " not in the atlas; similar ones stand in"
              : ` in the atlas: ${perturbation.atlas_labels.join(", ")}`}
          </span>
        </dd>
        {told !== "" && (
          <>
            <dt>Context</dt>
            <dd>{told}</dd>
          </>
        )}
        <dt>Measured</dt>
        <dd>
          {measured === undefined
            ? "Not in the atlas: it has to be predicted."
            : `Yes: ${plural(measured.cells, "cell")} of ${plural(measured.donors, "donor")} show the answer.`}
        </dd>
        <dt>Controls</dt>
        <dd>
          {found.control_cells_available === true
            ? "Matched control cells are there."
            : (query.control_strategy_fallback?.reason ?? "No matched control cells are there.")}
        </dd>
        {found.prompt !== null && (
          <>
            <dt>First prompt</dt>
            <dd>
              {count(found.prompt.prompt_cells)} prompt cells and {count(found.prompt.query_cells)}{" "}
              query cells. {found.prompt.rationale}
            </dd>
          </>
        )}
        {found.estimate != null && (
          <>
            <dt>Time and cost</dt>
            <dd>{found.estimate.in_words}</dd>
          </>
        )}
      </dl>
      {found.prompt?.stand_in !== undefined && <Notice kind="note">{found.prompt.stand_in}</Notice>}
      {repairs(query).map((text) => (
        <Notice key={text} kind="note">
          {text}
        </Notice>
      ))}
    </>
  );
}

/** How one question is understood, before anything is spent. */
export function Understanding({
  check: { query, found, refusal },
  isAlone,
  body,
  onMeant,
}: {
  readonly check: Checked;
  readonly isAlone: boolean;
  /** What was checked; its outlook is shown where it is the only question. */
  readonly body: NonNullable<CheckBody> | undefined;
  /** The user means this name by those words. */
  readonly onMeant: (query: string, text: string, name: string) => void;
}): JSX.Element {
  const understood = found?.structured_query ?? null;
  return (
    <article class="card understanding" aria-busy={found === undefined && refusal === undefined}>
      {!isAlone && <h2>{query}</h2>}
      {isAlone && <h2>How it is understood</h2>}
      {found === undefined && refusal === undefined && <p class="waiting">Reading it …</p>}
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      {found?.problem !== undefined && found.problem !== null && (
        <Notice
          kind="bad"
          title={
            found.did_you_mean.length === 0 ? "It cannot be answered as it stands." : undefined
          }
        >
          {found.problem.message}
        </Notice>
      )}
      {found?.did_you_mean.map(({ field, text, names }) => (
        <p key={field + text} class="row">
          <span>By “{text}” I mean</span>
          {names.map((name) => (
            <button key={name} type="button" onClick={() => onMeant(query, text, name)}>
              {name}
            </button>
          ))}
        </p>
      ))}
      {found !== undefined && understood !== null && <Facts found={found} query={understood} />}
      {isAlone && found?.answerable === true && body !== undefined && <Outlook body={body} />}
      {found !== undefined && (
        <p class="hint">
          Read by {READ_BY[found.read_by]}; nothing was spent.
          {found.read_in_run_by !== found.read_by &&
            found.read_by !== "labels" &&
            ` In the run ${words(READ_BY[found.read_in_run_by])} reads it first, and may understand it otherwise.`}
        </p>
      )}
    </article>
  );
}
