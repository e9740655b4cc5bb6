import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, link } from "../address.ts";
import { post } from "../api/client.ts";
import { eachApart, type Outcome } from "../each-apart.ts";
import { useLiveRuns, type Filter } from "../live-runs.ts";
import { ChosenBar, type Wish } from "../parts/chosen-bar.tsx";
import { Confirm } from "../parts/confirm.tsx";
import { Empty, LostConnection, Notice, Waiting } from "../parts/notice.tsx";
import { Refusals } from "../parts/refusals.tsx";
import { RunsTable } from "../parts/runs-table.tsx";
import { useSession } from "../session.tsx";
import { mayCancel, mayRetry, plural, SHOWN_WORDS, STATUSES } from "../words.ts";

const TYPED_MS = 300;

const filterOf = (search: URLSearchParams): Filter => ({
  status: STATUSES.find((status) => status === search.get("status")),
  text: search.get("text") ?? undefined,
  label: search.getAll("label"),
  all: search.get("all") === "true",
  shared: search.get("shared") === "true",
});

function changedSearch(search: URLSearchParams, name: string, value: string): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value === "") next.delete(name);
  else next.set(name, value);
  return next;
}

const WHOSE = ["shared", "all"] as const;

const WISHES: Readonly<
  Record<
    Wish,
    {
      readonly may: typeof mayCancel;
      readonly yes: string;
      readonly what: string;
      readonly done: string;
    }
  >
> = {
  cancel: {
    may: mayCancel,
    yes: "Cancel them",
    what: "They stop at once, and their jobs are stopped.",
    done: "cancelled",
  },
  retry: {
    may: mayRetry,
    yes: "Retry them",
    what: "Each goes on where it failed.",
    done: "resumed",
  },
};

/** Whose runs are listed: the own ones, or those of others. */
function Whose({
  search,
  isAdmin,
}: {
  readonly search: URLSearchParams;
  readonly isAdmin: boolean;
}): JSX.Element {
  const chosen = WHOSE.find((name) => search.get(name) === "true") ?? "";
  return (
    <label>
      Whose
      <select
        value={chosen}
        onChange={(event) => {
          const next = new URLSearchParams(search);
          for (const name of WHOSE) next.delete(name);
          const { value } = event.currentTarget;
          if (value !== "") next.set(value, "true");
          go(link(["runs"], next));
        }}
      >
        <option value="">my own</option>
        <option value="shared">shared with me</option>
        {isAdmin && <option value="all">of all users</option>}
      </select>
    </label>
  );
}

function Filters({
  search,
  isAdmin,
  withOthers,
}: {
  readonly search: URLSearchParams;
  readonly isAdmin: boolean;
  readonly withOthers: boolean;
}): JSX.Element {
  const [text, setText] = useState(search.get("text") ?? "");
  const field = useRef<HTMLInputElement>(null);
  const now = useRef(search);
  now.current = search;
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text !== (now.current.get("text") ?? ""))
        go(link(["runs"], changedSearch(now.current, "text", text)), { instead: true });
    }, TYPED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isTyping =
        event.target instanceof Element && event.target.matches("input, textarea, select");
      if (event.key !== "/" || isTyping) return;
      event.preventDefault();
      field.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <label>
        Search
        <input
          ref={field}
          type="search"
          value={text}
          maxLength={200}
          placeholder="words of the question or name"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label>
        Status
        <select
          value={search.get("status") ?? ""}
          onChange={(event) =>
            go(link(["runs"], changedSearch(search, "status", event.currentTarget.value)))
          }
        >
          <option value="">all</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {SHOWN_WORDS[status]}
            </option>
          ))}
        </select>
      </label>
      {withOthers && <Whose search={search} isAdmin={isAdmin} />}
      {search.getAll("label").map((label) => (
        <button
          key={label}
          type="button"
          class="chip"
          aria-label={`Label ${label}: show others too`}
          onClick={() => {
            const next = new URLSearchParams(search);
            next.delete("label", label);
            go(link(["runs"], next));
          }}
        >
          {label} <span aria-hidden="true">×</span>
        </button>
      ))}
    </form>
  );
}

export function RunsPage({ search }: { readonly search: URLSearchParams }): JSX.Element {
  const session = useSession();
  const withOthers = session.owner !== null;
  const isAdmin = session.role === "admin";
  const filter = useMemo(() => filterOf(search), [search.toString()]);
  const live = useLiveRuns(filter);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [confirming, setConfirming] = useState<Wish>();
  const [outcome, setOutcome] = useState<Outcome & { readonly name: Wish }>();

  const runs = live.runs ?? [];
  const those = runs.filter(({ run_id }) => chosen.has(run_id));
  const wish = async (name: Wish): Promise<void> => {
    setConfirming(undefined);
    setOutcome(undefined);
    const meant = those.filter(WISHES[name].may);
    const left = new Set(meant.map(({ run_id }) => run_id));
    const ended = await eachApart(
      meant,
      (run) => run.name ?? run.query,
      async ({ run_id }) => {
        await post(`/api/v1/runs/{id}/${name}`, { named: { id: run_id } });
        left.delete(run_id);
      },
    );
    setChosen(left);
    setOutcome({ name, ...ended });
    live.again();
  };

  const isFiltered =
    filter.status !== undefined || filter.text !== undefined || filter.label.length > 0;
  return (
    <>
      <div class="row spread">
        <h1>Runs</h1>
        <a class="button main" href={link([])}>
          Ask a question
        </a>
      </div>
      <Filters search={search} isAdmin={isAdmin} withOthers={withOthers} />
      <LostConnection since={live.line.lostSince} why={live.line.why} />
      {live.refusal !== undefined && <Notice kind="bad">{live.refusal.message}</Notice>}
      {outcome !== undefined && (
        <Notice kind={outcome.refused.length === 0 ? "note" : "bad"}>
          {outcome.done} of {plural(outcome.of, "run")} {WISHES[outcome.name].done}.
          {outcome.refused.length > 0 && <Refusals refused={outcome.refused} />}
        </Notice>
      )}
      {those.length > 0 && (
        <ChosenBar
          mayChange={!filter.shared}
          runs={those}
          onWish={setConfirming}
          onNone={() => setChosen(new Set())}
        />
      )}
      {live.runs === undefined ? (
        live.refusal === undefined && <Waiting what="the runs" />
      ) : runs.length === 0 ? (
        isFiltered ? (
          <Empty title="No run fits.">
            <a href={link(["runs"])}>Show all runs</a>
          </Empty>
        ) : filter.shared ? (
          <Empty title="Nobody shares a run with you." />
        ) : (
          <Empty title="There are no runs yet.">
            <a href={link([])}>Ask a question</a> to start the first.
          </Empty>
        )
      ) : (
        <RunsTable
          runs={runs}
          chosen={chosen}
          onChosen={setChosen}
          withOwner={filter.all || filter.shared}
          search={search}
        />
      )}
      {live.hasMore && (
        <p class="row">
          <button type="button" onClick={() => void live.more()}>
            Show more
          </button>
          <span class="hint">{plural(runs.length, "run")} shown</span>
        </p>
      )}
      {confirming !== undefined && (
        <Confirm
          title={`${confirming === "cancel" ? "Cancel" : "Retry"} ${plural(those.filter(WISHES[confirming].may).length, "run")}?`}
          yes={WISHES[confirming].yes}
          onAnswer={(isYes) => (isYes ? void wish(confirming) : setConfirming(undefined))}
        >
          <p>{WISHES[confirming].what}</p>
        </Confirm>
      )}
    </>
  );
}
