import { Fragment, type JSX } from "preact";
import { link } from "../address.ts";
import { get, type Result, type Run } from "../api/client.ts";
import { refusalOf, useLoaded } from "../loading.ts";
import { Empty, LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { Status } from "../parts/status.tsx";
import { accuracy, money, pValue, signed, words } from "../words.ts";

interface Side {
  readonly run: Run;
  /** Of completed runs. */
  readonly result: Result | undefined;
}

const MOST = 4;

async function sideOf(id: string, signal: AbortSignal): Promise<Side> {
  const run = await get("/api/v1/runs/{id}", { named: { id }, signal });
  const result =
    run.status === "completed"
      ? await get("/api/v1/runs/{id}/result", { named: { id }, signal })
      : undefined;
  return { run, result };
}

/** Runs side by side: what differs first. */
export function ComparePage({ ids }: { readonly ids: readonly string[] }): JSX.Element {
  const asked = ids.slice(0, MOST);
  const { content, refusal, lostSince } = useLoaded(
    (signal) => Promise.all(asked.map((id) => sideOf(id, signal))),
    [asked.join("\n")],
  );
  const title = <h1>Compare runs</h1>;
  if (asked.length < 2)
    return (
      <>
        {title}
        <Empty title="Choose two to four runs.">
          <a href={link(["runs"])}>Choose them in the list of runs</a>, then Compare.
        </Empty>
      </>
    );
  if (content === undefined)
    return (
      <>
        {title}
        <LostConnection since={lostSince} why={refusal?.message} />
        {refusal === undefined ? (
          <Waiting what="the runs" />
        ) : (
          lostSince === undefined && <Notice kind="bad">{refusalOf(refusal).message}</Notice>
        )}
      </>
    );
  return (
    <>
      {title}
      <div class="scroll" tabIndex={0} role="region" aria-label="Runs side by side">
        <table class="compare">
          <thead>
            <tr>
              <td />
              {content.map(({ run }) => (
                <th key={run.run_id} scope="col">
                  <a href={link(["runs", run.run_id])}>{run.name ?? run.query}</a>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Outcomes sides={content} />
            <Settings sides={content} />
            <Changes sides={content} />
            <Pathways sides={content} />
          </tbody>
        </table>
      </div>
    </>
  );
}

function Line({
  title,
  values,
}: {
  readonly title: string;
  readonly values: readonly (JSX.Element | string)[];
}): JSX.Element {
  const isTold = values.every((value) => typeof value === "string");
  return (
    <tr class={isTold && new Set(values).size > 1 ? "differs" : undefined}>
      <th scope="row">{title}</th>
      {values.map((value, place) => (
        // The columns are the runs, in their order.
        <td key={place}>{value}</td>
      ))}
    </tr>
  );
}

const Heading = ({
  title,
  sides,
}: {
  readonly title: string;
  readonly sides: readonly Side[];
}): JSX.Element => (
  <tr class="heading">
    <th scope="rowgroup" colSpan={sides.length + 1}>
      {title}
    </th>
  </tr>
);

interface Part {
  readonly sides: readonly Side[];
}

const Outcomes = ({ sides }: Part): JSX.Element => (
  <>
    <Line
      title="Status"
      values={sides.map(({ run }) => (
        <Status run={run} />
      ))}
    />
    <Line
      title="Score"
      values={sides.map(({ run }) => (run.final_score === null ? "–" : `${run.final_score}/10`))}
    />
    <Line
      title="Scores"
      values={sides.map(({ run }) => (
        <Sparkline scores={run.grounding_scores} />
      ))}
    />
    <Line
      title="Expected accuracy"
      values={sides.map(({ run }) => accuracy(run.expected_accuracy))}
    />
    <Line
      title="Cost"
      values={sides.map(({ run }) => money(run.usage.gpu_cost_usd + run.usage.llm_cost_usd))}
    />
  </>
);

const told = (value: unknown): string =>
  value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);

/** Of what only a result tells: a run without one tells nothing, which is not the same as no. */
const NO_RESULT = "no result";

/** Settings that are the same in all are left out. */
function Settings({ sides }: Part): JSX.Element {
  const settings = sides.map(({ run }) =>
    Object.fromEntries(
      Object.entries({
        ...run.config,
        random_seed: run.random_seed,
        prompt_strategy:
          run.iterations.find(({ iteration }) => iteration === run.delivered_iteration)
            ?.prompt_strategy ?? null,
      }).map(([name, value]) => [name, told(value)]),
    ),
  );
  const names = [...new Set(settings.flatMap(Object.keys))].filter(
    (name) => new Set(settings.map((each) => each[name])).size > 1,
  );
  return (
    <Fragment>
      <Heading title="Settings that differ" sides={sides} />
      {names.length === 0 && <Line title="None" values={sides.map(() => "")} />}
      {names.map((name) => (
        <Line key={name} title={words(name)} values={settings.map((each) => each[name] ?? "–")} />
      ))}
    </Fragment>
  );
}

function Changes({ sides }: Part): JSX.Element | null {
  const changes = sides.map(({ result }) =>
    result === undefined
      ? undefined
      : new Map(result.top_genes.map(({ gene, log2_fold_change: change }) => [gene, change])),
  );
  const genes = [...new Set(changes.flatMap((each) => [...(each?.keys() ?? [])]))];
  if (genes.length === 0) return null;
  return (
    <>
      <Heading title="Genes of the highest rank: log2 fold change" sides={sides} />
      {genes.map((gene) => (
        <Line
          key={gene}
          title={gene}
          values={changes.map((each) => {
            const change = each?.get(gene);
            if (each === undefined) return NO_RESULT;
            return change === undefined ? `not of its first ${each.size}` : signed(change);
          })}
        />
      ))}
    </>
  );
}

function Pathways({ sides }: Part): JSX.Element | null {
  const found = sides.map(({ result }) =>
    result === undefined
      ? undefined
      : new Map(
          result.enriched_pathways
            .filter(({ p_adjusted }) => p_adjusted < 0.05)
            .map(({ id, name, direction, p_adjusted }) => [
              `${name} (${id}), ${direction}`,
              p_adjusted,
            ]),
        ),
  );
  const names = [...new Set(found.flatMap((each) => [...(each?.keys() ?? [])]))];
  if (names.length === 0) return null;
  return (
    <>
      <Heading title="Pathways: adjusted p value" sides={sides} />
      {names.map((name) => (
        <Line
          key={name}
          title={name}
          values={found.map((each) => {
            const p = each?.get(name);
            if (each === undefined) return NO_RESULT;
            return p === undefined ? "not below 0.05" : pValue(p);
          })}
        />
      ))}
    </>
  );
}
