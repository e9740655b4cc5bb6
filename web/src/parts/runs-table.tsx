import type { JSX } from "preact";
import { memo } from "preact/compat";
import { useRef } from "preact/hooks";
import { link } from "../address.ts";
import type { ListedRun } from "../api/client.ts";
import { useNow } from "../loading.ts";
import { accuracy, ago, money, time } from "../words.ts";
import { Sparkline } from "./sparkline.tsx";
import { Status } from "./status.tsx";

const AGES_MS = 5_000;

interface RowProps {
  readonly run: ListedRun;
  readonly isChosen: boolean;
  readonly withOwner: boolean;
  readonly age: string;
  /** Of the filter, that links of labels keep. */
  readonly search: string;
  readonly onChoose: (runId: string, isChosen: boolean) => void;
}

const costOf = ({ usage }: ListedRun): number =>
  usage === undefined ? 0 : usage.gpu_cost_usd + usage.llm_cost_usd;

const withLabel = (search: string, label: string): URLSearchParams => {
  const next = new URLSearchParams(search);
  if (!next.getAll("label").includes(label)) next.append("label", label);
  return next;
};

const Row = memo(({ run, isChosen, withOwner, age, search, onChoose }: RowProps): JSX.Element => {
  const { run_id, query, name, labels } = run;
  return (
    <tr class={isChosen ? "is-chosen" : undefined} data-run={run_id}>
      <td class="choose">
        <input
          type="checkbox"
          checked={isChosen}
          aria-label={`Choose: ${name ?? query}`}
          onChange={(event) => onChoose(run_id, event.currentTarget.checked)}
        />
      </td>
      <th scope="row">
        <a class="run-link" href={link(["runs", run_id])}>
          {name ?? query}
        </a>
        {name !== undefined && <span class="second">{query}</span>}
        {labels !== undefined && (
          <span class="labels">
            {Object.entries(labels).map(([key, value]) => (
              <a
                key={key}
                class="tag"
                href={link(["runs"], withLabel(search, `${key}=${value}`))}
                title="Only runs with this label"
              >
                {key}={value}
              </a>
            ))}
          </span>
        )}
      </th>
      <td data-title="Status">
        <Status run={run} withPhase />
        {run.held_jobs !== undefined && run.held_jobs.length > 0 && (
          <span class="second">{run.held_jobs[0]?.reason}</span>
        )}
      </td>
      <td class="number" data-title="Iteration">
        {run.current_iteration === 0 ? "–" : run.current_iteration}
      </td>
      <td data-title="Scores">
        <Sparkline scores={run.grounding_scores} />
      </td>
      <td class="number" data-title="Accuracy">
        {accuracy(run.expected_accuracy)}
      </td>
      <td data-title="Asked">
        <time dateTime={run.created_at} title={time(run.created_at)}>
          {age}
        </time>
      </td>
      <td class="number" data-title="Cost">
        {costOf(run) === 0 ? "–" : money(costOf(run))}
      </td>
      {withOwner && <td data-title="Owner">{run.user_email ?? "–"}</td>}
    </tr>
  );
});

/** Arrow keys and j, k move between runs, x chooses one, Enter opens it. */
function onKey(event: KeyboardEvent): void {
  const row = event.target instanceof Element ? event.target.closest("tr[data-run]") : null;
  if (row === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const move = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (move !== undefined) {
    const next = move === 1 ? row.nextElementSibling : row.previousElementSibling;
    const target = next?.querySelector<HTMLElement>(".run-link");
    if (target === null || target === undefined) return;
    event.preventDefault();
    target.focus();
  } else if (event.key === "x") {
    event.preventDefault();
    row.querySelector<HTMLInputElement>("input[type=checkbox]")?.click();
  }
}

export function RunsTable({
  runs,
  chosen,
  onChosen,
  withOwner,
  search,
}: {
  readonly runs: readonly ListedRun[];
  readonly chosen: ReadonlySet<string>;
  readonly onChosen: (chosen: ReadonlySet<string>) => void;
  readonly withOwner: boolean;
  readonly search: URLSearchParams;
}): JSX.Element {
  const now = useNow(AGES_MS);
  const latest = useRef({ chosen, onChosen });
  latest.current = { chosen, onChosen };
  const onChoose = useRef((runId: string, isChosen: boolean): void => {
    const next = new Set(latest.current.chosen);
    if (isChosen) next.add(runId);
    else next.delete(runId);
    latest.current.onChosen(next);
  });
  const text = search.toString();
  const isAll = runs.length > 0 && runs.every(({ run_id }) => chosen.has(run_id));
  return (
    <>
      <table class="runs" onKeyDown={onKey}>
        <caption class="unseen">Runs, newest first</caption>
        <thead>
          <tr>
            <th scope="col" class="choose">
              <input
                type="checkbox"
                aria-label="Choose all that are shown"
                checked={isAll}
                onChange={() => onChosen(new Set(isAll ? [] : runs.map(({ run_id }) => run_id)))}
              />
            </th>
            <th scope="col">Question</th>
            <th scope="col">Status</th>
            <th scope="col" class="number">
              Iteration
            </th>
            <th scope="col">Scores</th>
            <th scope="col" class="number">
              <abbr title="Expected correlation with a measured response">Accuracy</abbr>
            </th>
            <th scope="col">Asked</th>
            <th scope="col" class="number">
              Cost
            </th>
            {withOwner && <th scope="col">Owner</th>}
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row
              key={run.run_id}
              run={run}
              isChosen={chosen.has(run.run_id)}
              withOwner={withOwner}
              age={ago(run.created_at, now)}
              search={text}
              onChoose={onChoose.current}
            />
          ))}
        </tbody>
      </table>
      <p class="hint keys">
        Keys: <kbd>/</kbd> search; on a run <kbd>j</kbd> <kbd>k</kbd> down and up, <kbd>x</kbd>{" "}
        choose, <kbd>Enter</kbd> open.
      </p>
    </>
  );
}
