import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { go, link } from "../address.ts";
import { get } from "../api/client.ts";
import { Chart, type Chosen } from "../inspector/chart.tsx";
import { Details } from "../inspector/details.tsx";
import { Scrubber } from "../inspector/scrubber.tsx";
import {
  type Actor,
  actorsOf,
  commitsOf,
  litStates,
  nodesOf,
  RUN,
  type StateNode,
  textsAfter,
} from "../inspector/states.ts";
import { useLiveRun } from "../live-run.ts";
import { useLoaded } from "../loading.ts";
import { LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { Status } from "../parts/status.tsx";

const OFFERED = 50;
const SIZES = [0.5, 0.7, 0.85, 1, 1.25] as const;

/** The statechart of a machine version, and of a run that is chosen the states it is and was in. */
export function InspectorPage({
  id,
  search,
}: {
  readonly id: string | undefined;
  readonly search: URLSearchParams;
}): JSX.Element {
  const asked = search.get("version") ?? undefined;
  const { content, refusal, lostSince } = useLoaded(
    async (signal) => {
      const [detail, { runs }] = await Promise.all([
        id === undefined ? undefined : get("/admin/runs/{id}", { named: { id }, signal }),
        get("/api/v1/runs", { asked: { limit: OFFERED, all: "true" }, signal }),
      ]);
      const version = detail?.machine?.version ?? asked;
      const machine = await get("/admin/machine", {
        ...(version === undefined ? {} : { asked: { version } }),
        signal,
      });
      return { runs, machine };
    },
    [id, asked],
  );
  return (
    <>
      <h1>Inspector</h1>
      <LostConnection since={lostSince} why={refusal?.message} />
      {content === undefined ? (
        refusal === undefined ? (
          <Waiting what="the machine" />
        ) : (
          lostSince === undefined && (
            <Notice kind="bad">
              {refusal.message} <a href={link(["inspector"])}>To the machine alone</a>
            </Notice>
          )
        )
      ) : (
        <>
          <div class="filters">
            <label>
              Run
              <select
                value={id ?? ""}
                onChange={({ currentTarget: { value } }) =>
                  go(link(value === "" ? ["inspector"] : ["inspector", value]))
                }
              >
                <option value="">None: the machine alone</option>
                {id !== undefined && content.runs.every(({ run_id }) => run_id !== id) && (
                  <option value={id}>{id}</option>
                )}
                {content.runs.map(({ run_id, name, query }) => (
                  <option key={run_id} value={run_id}>
                    {(name ?? query).slice(0, 80)} ({run_id})
                  </option>
                ))}
              </select>
            </label>
            {id === undefined && (
              <label>
                Machine version
                <select
                  value={content.machine.version}
                  onChange={({ currentTarget: { value } }) =>
                    go(link(["inspector"], { version: value }))
                  }
                >
                  {content.machine.versions.map((version) => (
                    <option key={version}>{version}</option>
                  ))}
                </select>
              </label>
            )}
          </div>
          {id === undefined ? (
            <Charts machines={content.machine.machines} texts={NOTHING} />
          ) : (
            <OfRun
              key={id}
              id={id}
              version={content.machine.version}
              machines={content.machine.machines}
            />
          )}
        </>
      )}
    </>
  );
}

const NOTHING: ReadonlyMap<string, string> = new Map();

function OfRun({
  id,
  version,
  machines,
}: {
  readonly id: string;
  readonly version: string;
  readonly machines: readonly StateNode[];
}): JSX.Element {
  const { run, transitions, refusal, line } = useLiveRun(id, 0);
  const commits = useMemo(() => commitsOf(transitions), [transitions]);
  // Undefined follows what comes.
  const [kept, setKept] = useState<number>();
  const shown = Math.min(kept ?? commits.length, commits.length);
  const texts = useMemo(() => textsAfter(commits, shown), [commits, shown]);
  return (
    <>
      <LostConnection since={line.lostSince} why={line.why} />
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      {run !== undefined && (
        <p class="row">
          <a href={link(["runs", id])}>{run.name ?? run.query}</a>
          <Status run={run} withPhase />
          <span class="hint">Machine version {version}</span>
        </p>
      )}
      {commits.length > 0 ? (
        <Scrubber
          commits={commits}
          shown={shown}
          onShow={(next) => setKept(next >= commits.length ? undefined : next)}
        />
      ) : (
        run !== undefined && <p class="hint">Nothing has been committed yet.</p>
      )}
      <Charts machines={machines} texts={texts} />
    </>
  );
}

function Charts({
  machines,
  texts,
}: {
  readonly machines: readonly StateNode[];
  readonly texts: ReadonlyMap<string, string>;
}): JSX.Element {
  const [chosen, setChosen] = useState<Chosen & { readonly actor: string }>();
  const [size, setSize] = useState(2);
  const actors = useMemo(() => drawnActors(machines, texts), [machines, texts]);
  const lit = litStates(actors, texts);
  return (
    <>
      <p class="row">
        <span class="hint">
          Choose a state or an arrow to see its guard and actions. What has a double edge is an end.
        </span>
        <button type="button" disabled={size === 0} onClick={() => setSize(size - 1)}>
          Smaller
        </button>
        <button
          type="button"
          disabled={size === SIZES.length - 1}
          onClick={() => setSize(size + 1)}
        >
          Larger
        </button>
      </p>
      {actors.map(({ name, machine }) => {
        const text = lit.has(name) ? texts.get(name) : undefined;
        return (
          <section key={name} aria-label={`Machine ${name}`}>
            <h2>
              {name}
              {name !== machine.key && <span class="tag">{machine.key}</span>}
            </h2>
            <p class="now" data-actor={name}>
              {text === undefined
                ? texts.size === 0
                  ? "No run is chosen."
                  : "Not there."
                : `In ${text.replaceAll("|", " and ")}.`}
            </p>
            {!isDrawn(machine, lit.get(name) ?? []) && (
              <Notice kind="note">
                This version of the machine has no such state; the commit is of an earlier one.
              </Notice>
            )}
            {chosen?.actor === name && <Details actor={name} machine={machine} chosen={chosen} />}
            <Chart
              name={name}
              machine={machine}
              lit={lit.get(name) ?? []}
              size={SIZES[size] ?? 1}
              chosen={chosen?.actor === name ? chosen : undefined}
              onChoose={(next) => setChosen({ ...next, actor: name })}
            />
          </section>
        );
      })}
    </>
  );
}

/** Of a run those that there have been; else one for each machine. */
function drawnActors(
  machines: readonly StateNode[],
  texts: ReadonlyMap<string, string>,
): readonly Actor[] {
  const all = actorsOf(machines);
  if (texts.size > 0) return all.filter(({ name }) => name === RUN || texts.has(name));
  return machines.map((machine) => ({ name: machine.key, machine }));
}

const isDrawn = (machine: StateNode, paths: readonly string[]): boolean => {
  const nodes = nodesOf(machine);
  return paths.every((path) => nodes.has(path));
};
