import type { JSX } from "preact";
import type { Run } from "../api/client.ts";
import type { Transition } from "../transition.ts";
import { useNow } from "../loading.ts";
import { isAtRest, lasting, time } from "../words.ts";

export interface Stretch {
  readonly actor: string;
  readonly state: string;
  /** Milliseconds. */
  readonly from: number;
  readonly to: number;
}

const OVER = new Set(["completed", "failed", "cancelled", "succeeded", "stopped"]);

/** Outermost state of a run: `inferring.separate.prediction...|control...` is inferring. */
const outermost = (state: string): string => /^[^.|]*/.exec(state)?.[0] ?? state;

/** What a job does is one stretch, however often its state is looked at; that it is put off is another. */
function shownState(actor: string, state: string): string {
  const outer = outermost(state);
  return actor === "run" || OVER.has(outer) || outer === "postponed" ? outer : "at work";
}

/** How long each actor was in each of its states; the last stretch of what goes on ends now. */
export function stretchesOf(
  transitions: readonly Transition[],
  { began, ends }: { readonly began: number; readonly ends: number },
): Stretch[] {
  const found: Stretch[] = [];
  const openOf = new Map<string, { state: string; from: number }>([
    ["run", { state: outermost(transitions[0]?.from ?? "queued"), from: began }],
  ]);
  const close = (actor: string, when: number): void => {
    const open = openOf.get(actor);
    if (open !== undefined && !OVER.has(open.state)) found.push({ actor, ...open, to: when });
  };
  for (const { actor, at, to } of transitions) {
    const when = Date.parse(at);
    const state = shownState(actor, to);
    if (openOf.get(actor)?.state === state) continue;
    close(actor, when);
    openOf.set(actor, { state, from: when });
  }
  for (const actor of openOf.keys()) close(actor, ends);
  return found.toSorted((a, b) => a.from - b.from);
}

const ACTORS: Readonly<Record<string, string>> = {
  predictionJob: "prediction job",
  controlJob: "control job",
  stopJobs: "stopping of jobs",
  roundJob: "job of the round",
};

/** `predictionJob.stopJobs` is the prediction job: stopping of jobs. */
const calledActor = (actor: string): string =>
  actor
    .split(".")
    .map((name) => ACTORS[name] ?? name)
    .join(": ");

export function Timeline({
  transitions,
  run,
}: {
  readonly transitions: readonly Transition[];
  readonly run: Run;
}): JSX.Element | null {
  const now = useNow();
  if (transitions.length === 0) return null;
  const began = Date.parse(run.created_at);
  const last = Date.parse(transitions[transitions.length - 1]?.at ?? run.updated_at);
  const ends = Math.max(isAtRest(run) ? last : now, began + 1);
  const stretches = stretchesOf(transitions, { began, ends });
  const share = (ms: number): string =>
    `${Math.min(100, Math.max(0, (100 * ms) / (ends - began)))}%`;
  return (
    <section aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <ol class="timeline">
        {stretches.map(({ actor, state, from, to }) => (
          <li key={`${actor} ${state} ${from}`}>
            <span class="what">{actor === "run" ? state : `${calledActor(actor)}: ${state}`}</span>
            <span class="bar" aria-hidden="true">
              <span
                class={actor === "run" ? undefined : "job"}
                style={{ left: share(from - began), width: share(to - from) }}
              />
            </span>
            <span class="long" title={`${time(from)} to ${time(to)}`}>
              {to - from < 1_000 ? "under 1 second" : lasting(to - from)}
            </span>
          </li>
        ))}
      </ol>
      <details>
        <summary>All {transitions.length} transitions</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="All transitions">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Actor</th>
                <th scope="col">Event</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {transitions.map(({ id, at, actor, event, from, to }) => (
                <tr key={id}>
                  <td>
                    <time dateTime={at}>{time(at)}</time>
                  </td>
                  <td>{actor}</td>
                  <td>{event}</td>
                  <td>
                    {from} → {to}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}
