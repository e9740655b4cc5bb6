import { Fragment, type JSX } from "preact";
import { useState } from "preact/hooks";
import { link } from "../address.ts";
import { post, type Refusal, type Run } from "../api/client.ts";
import { useLiveRun } from "../live-run.ts";
import { refusalOf } from "../loading.ts";
import { Confirm } from "../parts/confirm.tsx";
import { Iterations } from "../parts/iterations.tsx";
import { Jobs } from "../parts/jobs.tsx";
import { LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { ResultView } from "../parts/result.tsx";
import { StateOfRun } from "../parts/state.tsx";
import { Sharing } from "../parts/sharing.tsx";
import { Status } from "../parts/status.tsx";
import { Timeline } from "../parts/timeline.tsx";
import { useSession } from "../session.tsx";
import { mayCancel, mayRetry, shownAs, words } from "../words.ts";

export function RunPage({ id }: { readonly id: string }): JSX.Element {
  const { role } = useSession();
  const [turn, setTurn] = useState(0);
  const { run, transitions, refusal, line } = useLiveRun(id, turn);
  const [wished, setWished] = useState<Refusal>();
  const [isConfirming, setConfirming] = useState(false);

  const wish = async (name: "cancel" | "retry"): Promise<void> => {
    setConfirming(false);
    setWished(undefined);
    try {
      await post(`/api/v1/runs/{id}/${name}`, { named: { id } });
      setTurn((before) => before + 1);
    } catch (thrown) {
      setWished(refusalOf(thrown));
    }
  };

  if (run === undefined)
    return (
      <>
        <h1 class="unseen">Run</h1>
        <LostConnection since={line.lostSince} why={line.why} />
        {refusal === undefined ? (
          <Waiting what="the run" />
        ) : (
          refusal.code !== "UNREACHABLE" && (
            <Notice kind="bad">
              {refusal.message} <a href={link(["runs"])}>To the runs</a>
            </Notice>
          )
        )}
      </>
    );

  const isOwn = run.shared_with_you !== true;
  return (
    <article class="run" data-status={shownAs(run)}>
      <p class="hint path">
        <a href={link(["runs"])}>Runs</a> / <code>{run.run_id}</code>
      </p>
      <h1>{run.name ?? run.query}</h1>
      {run.name !== undefined && <p class="query">{run.query}</p>}
      <div class="row spread">
        <p class="row">
          <Status run={run} withPhase />
          {Object.entries(run.labels ?? {}).map(([key, value]) => (
            <a key={key} class="tag" href={link(["runs"], { label: `${key}=${value}` })}>
              {key}={value}
            </a>
          ))}
        </p>
        <p class="row">
          {isOwn && mayCancel(run) && (
            <button type="button" onClick={() => setConfirming(true)}>
              Cancel
            </button>
          )}
          {isOwn && mayRetry(run) && (
            <button type="button" class="main" onClick={() => void wish("retry")}>
              Retry
            </button>
          )}
          {role === "admin" && (
            <a class="button" href={link(["inspector", run.run_id])}>
              Inspect
            </a>
          )}
          <a class="button" href={link([], { from: run.run_id })}>
            Ask again, changed
          </a>
        </p>
      </div>
      <LostConnection since={line.lostSince} why={line.why} />
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      {wished !== undefined && <Notice kind="bad">{wished.message}</Notice>}
      {!isOwn && (
        <Notice kind="note" title="It is shared with you.">
          You may read it; only {run.user_email ?? "its owner"} may change it.
        </Notice>
      )}
      <StateOfRun run={run} transitions={transitions} />
      <Basis run={run} />
      {run.status === "completed" && <ResultView run={run} />}
      {run.iterations.length > 0 && <Iterations run={run} />}
      <Timeline transitions={transitions} run={run} />
      <Jobs run={run} />
      <Settings run={run} />
      <Sharing run={run} />
      {isConfirming && (
        <Confirm
          title="Cancel this run?"
          yes="Cancel it"
          onAnswer={(isYes) => (isYes ? void wish("cancel") : setConfirming(false))}
        >
          <p>It stops at once, and its jobs are stopped.</p>
        </Confirm>
      )}
    </article>
  );
}

/** What must be known before the answer is used comes first and is marked. */
function Basis({ run }: { readonly run: Run }): JSX.Element | null {
  if (run.rests_on.length === 0) return null;
  return (
    <section aria-labelledby="basis-title">
      <h2 id="basis-title">What it rests on</h2>
      <ul class="basis">
        {run.rests_on.map(({ title, text, caution }) => (
          <li key={title + text} class={caution ? "caution" : undefined}>
            {caution && <strong class="mark">Note: </strong>}
            <strong>{title}:</strong> {text}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Settings({ run }: { readonly run: Run }): JSX.Element {
  return (
    <details>
      <summary>Settings</summary>
      <dl class="facts">
        {Object.entries({ ...run.config, random_seed: run.random_seed }).map(([name, value]) => (
          <Fragment key={name}>
            <dt>{words(name)}</dt>
            <dd>{typeof value === "object" ? JSON.stringify(value) : String(value)}</dd>
          </Fragment>
        ))}
      </dl>
    </details>
  );
}
