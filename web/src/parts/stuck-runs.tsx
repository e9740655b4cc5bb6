import type { JSX } from "preact";
import { link } from "../address.ts";
import { post } from "../api/client.ts";
import { useNow } from "../loading.ts";
import type { Act, Operations } from "../operations.ts";
import { lasting, mayCancel, words } from "../words.ts";
import { Status } from "./status.tsx";

type Stuck = Operations["stuck"]["runs"][number];
type Reason = Stuck["reasons"][number]["reason"];

const ASIDE: ReadonlySet<Reason> = new Set(["set_aside", "record_unreadable"]);
const UNHOSTED: ReadonlySet<Reason> = new Set([
  "lease_expired",
  "wake_up_overdue",
  "event_waiting",
  "unclaimed",
]);

/** Runs that somebody should look at, why, and the buttons that may help. */
export function StuckRuns({
  runs,
  act,
}: {
  readonly runs: readonly Stuck[];
  readonly act: Act;
}): JSX.Element {
  const now = useNow();
  return (
    <section aria-labelledby="stuck-title">
      <h2 id="stuck-title">Runs that need attention</h2>
      {runs.length === 0 && <p>None.</p>}
      {runs.map(({ run, reasons }) => {
        const has = (those: ReadonlySet<Reason>): boolean =>
          reasons.some(({ reason }) => those.has(reason));
        const named = { id: run.run_id };
        return (
          <article key={run.run_id} class="card" data-run={run.run_id}>
            <div class="row spread">
              <h3>
                <a href={link(["runs", run.run_id])}>{run.query}</a>
              </h3>
              <Status run={run} />
            </div>
            <ul>
              {reasons.map(({ reason, since, detail }) => (
                <li key={reason + detail}>
                  <strong>{words(reason)}</strong>
                  {since !== null && `, for ${lasting(Math.max(0, now - Date.parse(since)))}`}:{" "}
                  {detail}
                </li>
              ))}
            </ul>
            <p class="row">
              {has(ASIDE) && (
                <button
                  type="button"
                  onClick={() => act(() => post("/admin/quarantine/{id}/release", { named }))}
                >
                  Have it hosted again
                </button>
              )}
              {!has(ASIDE) && has(UNHOSTED) && (
                <button
                  type="button"
                  onClick={() => act(() => post("/admin/runs/{id}/rehydrate", { named }))}
                >
                  Load it into this daemon
                </button>
              )}
              {!has(ASIDE) && mayCancel(run) && (
                <button
                  type="button"
                  onClick={() => act(() => post("/admin/runs/{id}/cancel", { named }))}
                >
                  Cancel it
                </button>
              )}
              {run.user_email !== null && <span class="hint">{run.user_email}</span>}
            </p>
          </article>
        );
      })}
    </section>
  );
}
