import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, type Run } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { jobWords, lasting, money, words } from "../words.ts";
import { Notice, Waiting } from "./notice.tsx";

/** Every attempt at the inference jobs, and what their program said. */
export function Jobs({ run }: { readonly run: Run }): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  if (run.jobs.length === 0) return null;
  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">Inference jobs</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of jobs">
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">
                Iteration
              </th>
              <th scope="col">Job</th>
              <th scope="col" class="number">
                Attempt
              </th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Ran
              </th>
              <th scope="col" class="number">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {run.jobs.map((job) => (
              <tr key={job.job_id}>
                <td class="number">{job.iteration}</td>
                <th scope="row">
                  {job.kind}
                  <span class="second">{job.job_id}</span>
                </th>
                <td class="number">{job.attempt}</td>
                <td>
                  {words(job.state)}
                  {jobWords(job) !== "" && <span class="second">{jobWords(job)}</span>}
                  {job.problem !== null && <span class="second">{job.problem}</span>}
                </td>
                <td class="number">
                  {job.run_seconds === null ? "–" : lasting(job.run_seconds * 1_000)}
                </td>
                <td class="number">{money(job.cost_usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>What the inference program said</summary>
        {isOpen && <Logs run={run} />}
      </details>
    </section>
  );
}

function Logs({ run }: { readonly run: Run }): JSX.Element {
  const { content, refusal, again } = useLoaded(
    (signal) => get("/api/v1/runs/{id}/logs", { named: { id: run.run_id }, signal }),
    [run.run_id, run.jobs.map(({ state }) => state).join()],
  );
  if (refusal !== undefined) return <Notice kind="bad">{refusal.message}</Notice>;
  if (content === undefined) return <Waiting what="the output" />;
  return (
    <>
      {content.jobs.map((job) => (
        <figure key={job.job_id} class="log">
          <figcaption>
            {job.kind} of iteration {job.iteration}, attempt {job.attempt} ({words(job.state)})
          </figcaption>
          {job.output === null ? (
            <p class="hint">{job.elsewhere}</p>
          ) : (
            <pre tabIndex={0}>{job.output === "" ? "It said nothing." : job.output}</pre>
          )}
        </figure>
      ))}
      <button type="button" onClick={again}>
        Read again
      </button>
    </>
  );
}
