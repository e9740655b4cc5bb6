import type { JSX } from "preact";
import { post } from "../api/client.ts";
import { useNow } from "../loading.ts";
import type { Act, Operations } from "../operations.ts";
import { ago, count, SHOWN_WORDS, STATUSES, words } from "../words.ts";
import { Notice } from "./notice.tsx";

/** The daemon that answers: what it does, whether its services answer, and who waits. */
export function DaemonView({
  supervisor,
  readiness,
  act,
}: Pick<Operations, "supervisor" | "readiness"> & { readonly act: Act }): JSX.Element {
  const now = useNow(5_000);
  const { admission_paused: isPaused, draining: isDraining } = supervisor;
  return (
    <>
      <section aria-labelledby="daemon-title">
        <div class="row spread">
          <h2 id="daemon-title">This daemon</h2>
          <p class="row">
            <button
              type="button"
              onClick={() => act(() => post("/admin/admission", { body: { paused: !isPaused } }))}
            >
              {isPaused ? "Admit runs again" : "Pause admission"}
            </button>
            <button
              type="button"
              onClick={() => act(() => post("/admin/drain", { body: { draining: !isDraining } }))}
            >
              {isDraining ? "Stop draining" : "Drain"}
            </button>
          </p>
        </div>
        {isPaused && (
          <Notice kind="note" title="Admission is paused.">
            Queued runs stay in the queue.
          </Notice>
        )}
        {isDraining && (
          <Notice kind="note" title="It is draining.">
            It takes no runs, and gives its own back as soon as they wait.
          </Notice>
        )}
        <dl class="facts wide">
          {[
            ["Name", supervisor.owner],
            ["Machine", `${supervisor.machine.id} ${supervisor.machine.version}`],
            ["In memory", `${count(supervisor.live)} of at most ${supervisor.limits.max_active}`],
            ["In no daemon's memory", count(supervisor.passivated)],
            ...STATUSES.map((status) => [SHOWN_WORDS[status], count(supervisor.by_status[status])]),
          ].map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      <div class="columns">
        <section aria-labelledby="health-title">
          <h2 id="health-title">Services</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col">State</th>
                <th scope="col" class="number">
                  Answered in
                </th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(readiness.parts).map(([name, { ok, problem, milliseconds }]) => (
                <tr key={name}>
                  <th scope="row">{words(name)}</th>
                  <td>
                    <span class={`status ${ok ? "completed" : "failed"}`}>
                      <span aria-hidden="true">{ok ? "●" : "✕"}</span>{" "}
                      {ok ? "answers" : (problem ?? "does not answer")}
                    </span>
                  </td>
                  <td class="number">{Math.round(milliseconds)} ms</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        <section aria-labelledby="queues-title">
          <h2 id="queues-title">Users</h2>
          {supervisor.queues.length === 0 ? (
            <p>Nobody has runs under way or waiting.</p>
          ) : (
            <table>
              <thead>
                <tr>
                  <th scope="col">User</th>
                  <th scope="col" class="number">
                    Under way
                  </th>
                  <th scope="col" class="number">
                    Waiting
                  </th>
                  <th scope="col">Since</th>
                </tr>
              </thead>
              <tbody>
                {supervisor.queues.map(({ user_email, active, queued, queued_since }) => (
                  <tr key={user_email ?? ""}>
                    <th scope="row">{user_email ?? "without an address"}</th>
                    <td class="number">{count(active)}</td>
                    <td class="number">{count(queued)}</td>
                    <td>{queued_since === null ? "–" : ago(queued_since, now)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
      </div>
    </>
  );
}
