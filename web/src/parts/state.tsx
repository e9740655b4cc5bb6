import type { ComponentChildren, JSX } from "preact";
import type { Run } from "../api/client.ts";
import { useNow } from "../loading.ts";
import type { Transition } from "../transition.ts";
import { isAtRest, lasting, money, nextOf, shownAs, TERMINATION_WORDS, time } from "../words.ts";
import { Notice } from "./notice.tsx";
import { Steps } from "./steps.tsx";

/** Where it is, what it waits for and since when, or how it ended. */
export function StateOfRun({
  run,
  transitions,
}: {
  readonly run: Run;
  readonly transitions: readonly Transition[];
}): JSX.Element {
  const now = useNow();
  const last = transitions.findLast(({ actor }) => actor === "run");
  const since = Date.parse(last?.at ?? run.updated_at);
  return (
    <section class="card" aria-label="State">
      <Steps run={run} />
      {run.status === "failed" && (
        <Notice
          kind="bad"
          title={run.error?.retryable === true ? "It failed; retrying may help." : "It failed."}
        >
          {run.error_message ?? "No reason is recorded."}
        </Notice>
      )}
      {shownAs(run) === "cancelling" && (
        <Notice kind="note" title="It is cancelled; its jobs are being stopped.">
          {run.waits_for !== null && `It waits for ${run.waits_for}.`}
        </Notice>
      )}
      {shownAs(run) === "interrupted" && (
        <Notice kind="bad" title="Nobody hosts it at the moment.">
          It goes on when a daemon takes it up.
        </Notice>
      )}
      {!isAtRest(run) && shownAs(run) !== "cancelling" && run.waits_for !== null && (
        <p>
          It waits for {run.waits_for}, since {lasting(Math.max(0, now - since))}.
          {run.waits_until != null &&
            ` The present attempt may take until ${time(run.waits_until)}, longer where its machine came late.`}
        </p>
      )}
      {!isAtRest(run) && run.status !== "cancelled" && (
        <p class="hint">What comes next: {nextOf(run)}</p>
      )}
      {run.postponed !== undefined && !isAtRest(run) && (
        <Notice kind="bad" title="A step is put off.">
          {run.postponed.message} It is tried again at {time(run.postponed.try_at)}.
        </Notice>
      )}
      {(run.held_jobs ?? []).map(({ job_id, reason, since: from }) => (
        <Notice key={job_id} kind="bad" title="A job has no machine yet.">
          {reason} ({job_id}, since {time(from)})
        </Notice>
      ))}
      {run.termination_reason !== null && run.status !== "failed" && (
        <p>{TERMINATION_WORDS[run.termination_reason]}</p>
      )}
      <dl class="facts wide">
        <Fact name="Asked">{time(run.created_at)}</Fact>
        {run.started_at !== null && (
          <Fact name={run.completed_at === null ? "Running for" : "Took"}>
            {lasting(
              (run.completed_at === null ? now : Date.parse(run.completed_at)) -
                Date.parse(run.started_at),
            )}
          </Fact>
        )}
        {run.hosted_by != null && <Fact name="Hosted by">{run.hosted_by}</Fact>}
        <Fact name="Cost">{money(run.usage.gpu_cost_usd + run.usage.llm_cost_usd)}</Fact>
        {run.user_email !== null && <Fact name="Owner">{run.user_email}</Fact>}
      </dl>
    </section>
  );
}

const Fact = ({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
