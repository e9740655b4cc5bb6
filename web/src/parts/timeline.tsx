import type { JSX } from "preact";
import type { Run } from "../api/client.ts";
import type { Transition } from "../transition.ts";
import { useNow } from "../loading.ts";
import { stretchesOf } from "../stretches.ts";
import { isAtRest, jobWords, lasting, time } from "../words.ts";

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
  const stretches = stretchesOf(transitions, { began, ends, jobs: run.jobs });
  const takings = transitions.filter(({ host }) => host !== undefined);
  const share = (ms: number): string =>
    `${Math.min(100, Math.max(0, (100 * ms) / (ends - began)))}%`;
  return (
    <section aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      <ol class="timeline">
        {stretches.map(({ actor, state, job, from, to }) => (
          <li key={`${actor} ${state} ${from}`}>
            <span class="what">
              {actor === "run" ? state : `${calledActor(actor)}: ${state}`}
              {job !== undefined && <span class="second">{jobWords(job)}</span>}
            </span>
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
      {takings.length > 0 && (
        <ul class="takings" aria-label="Daemons that had it">
          {takings.map(({ id, at, host }, place) => (
            <li key={id}>
              {place === 0 ? "Taken up by" : "Taken up again by"} <code>{host}</code>{" "}
              <span class="hint">{time(at)}</span>
            </li>
          ))}
        </ul>
      )}
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
