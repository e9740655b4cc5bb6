import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, link } from "../address.ts";
import { get, post, type Run } from "../api/client.ts";
import { eachApart, type Outcome } from "../each-apart.ts";
import { questionAbout, type Labels } from "../exact-labels.ts";
import { Examples } from "../parts/examples.tsx";
import { Notice } from "../parts/notice.tsx";
import {
  configOf,
  labelsOf,
  NO_WISHES,
  Options,
  type Wishes,
  wishesOf,
} from "../parts/options.tsx";
import { Refusals } from "../parts/refusals.tsx";
import { Understanding } from "../parts/understanding.tsx";
import { plural } from "../words.ts";
import { useLoaded } from "../loading.ts";
import { useChecks } from "../checks.ts";

/** So many questions are checked and asked together; each check takes a worker a moment. */
const MOST_TOGETHER = 50;

/** A key for each thing asked, so that asking again after a lost answer asks nothing twice. */
function useKeys(): (what: string) => string {
  const keys = useRef(new Map<string, string>());
  return (what) => {
    const known = keys.current.get(what) ?? newKey();
    keys.current.set(what, known);
    return known;
  };
}

const newKey = (): string =>
  `window-${[...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("")}`;

const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Labels of the atlas that the address asks for: `?cell_type=...&perturbation=...`, paired in order. */
function labelsIn(search: URLSearchParams): Labels[] {
  const perturbations = search.getAll("perturbation");
  return search
    .getAll("cell_type")
    .flatMap((cell_type, place) =>
      perturbations[place] === undefined ? [] : [{ cell_type, perturbation: perturbations[place] }],
    );
}

export function AskPage({ search }: { readonly search: URLSearchParams }): JSX.Element {
  const from = search.get("from");
  const earlier = useLoaded(
    async (signal) =>
      from === null ? undefined : get("/api/v1/runs/{id}", { named: { id: from }, signal }),
    [from],
  );
  if (from !== null && earlier.content === undefined && earlier.refusal === undefined)
    return <p role="status">Reading the earlier run …</p>;
  return <AskForm key={search.toString()} search={search} earlier={earlier.content} />;
}

function AskForm({
  search,
  earlier,
}: {
  readonly search: URLSearchParams;
  readonly earlier: Run | undefined;
}): JSX.Element {
  const given = useMemo(
    () =>
      earlier?.config.exact_labels === undefined ? labelsIn(search) : [earlier.config.exact_labels],
    [search, earlier],
  );
  const [text, setText] = useState(
    () => earlier?.query ?? search.get("question") ?? given.map(questionAbout).join("\n"),
  );
  const [labels, setLabels] = useState<ReadonlyMap<string, Labels>>(
    () =>
      new Map(
        given.map((each) => [
          given.length === 1 ? (earlier?.query ?? questionAbout(each)) : questionAbout(each),
          each,
        ]),
      ),
  );
  const [wishes, setWishes] = useState<Wishes>(
    earlier === undefined ? NO_WISHES : wishesOf(earlier),
  );
  const [isOne, setIsOne] = useState(false);
  const [sending, setSending] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>();
  const field = useRef<HTMLTextAreaElement>(null);
  const keyOf = useKeys();

  const lines = linesOf(text);
  const questions = isOne || lines.length < 2 ? (text.trim() === "" ? [] : [text.trim()]) : lines;
  const tooMany = questions.length > MOST_TOGETHER;
  const config = configOf(wishes);
  const bodies = questions.map((query) => {
    const exact = labels.get(query);
    return {
      query,
      config: { ...config, ...(exact === undefined ? {} : { exact_labels: exact }) },
    };
  });
  const checks = useChecks(tooMany ? [] : bodies);

  useEffect(() => {
    if (text === "") field.current?.focus();
  }, []);

  const send = async (): Promise<void> => {
    setSending(true);
    setOutcome(undefined);
    const ids: string[] = [];
    const ended = await eachApart(
      bodies,
      ({ query }) => `“${query}”`,
      async (body) => {
        const whole = {
          ...body,
          ...(wishes.name.trim() === "" ? {} : { name: wishes.name.trim() }),
          ...(wishes.label.trim() === "" ? {} : { labels: labelsOf(wishes.label) }),
        };
        const run = await post("/api/v1/runs", {
          body: whole,
          headers: { "idempotency-key": keyOf(JSON.stringify(whole)) },
        });
        ids.push(run.run_id);
      },
      ({ mayPass }) => mayPass,
    );
    setSending(false);
    setOutcome(ended);
    const [only] = ids;
    if (ended.refused.length === 0)
      go(ids.length === 1 && only !== undefined ? link(["runs", only]) : link(["runs"]));
  };

  const mayAsk = questions.length > 0 && !tooMany && !sending;
  return (
    <div class="ask">
      <h1>Ask how cells respond</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (mayAsk) void send();
        }}
      >
        <label for="question">Question, or several with one on each line</label>
        <textarea
          id="question"
          ref={field}
          rows={Math.min(12, Math.max(3, text.split("\n").length + 1))}
          value={text}
          maxLength={20_000}
          placeholder="How would CD14+ monocytes respond to IFN-beta?"
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && mayAsk) void send();
          }}
        />
        {text.trim() === "" && (
          <Examples
            onChosen={(example) => {
              const question = questionAbout(example);
              setLabels(new Map([[question, example]]));
              setText(question);
            }}
          />
        )}
        {lines.length > 1 && (
          <p class="row">
            <strong>
              {isOne ? "1 question of several lines" : plural(lines.length, "question")}
            </strong>
            <label class="check">
              <input
                type="checkbox"
                checked={isOne}
                onChange={(event) => setIsOne(event.currentTarget.checked)}
              />
              These lines are one question
            </label>
          </p>
        )}
        {tooMany && (
          <Notice kind="bad" title="Too many at once.">
            At most {MOST_TOGETHER} questions are asked together; ask the rest afterwards.
          </Notice>
        )}
        <Options wishes={wishes} onChange={setWishes} />
        {outcome !== undefined && outcome.refused.length > 0 && <NotAsked outcome={outcome} />}
        <p class="row">
          <button type="submit" class="main" disabled={!mayAsk}>
            {sending
              ? "Asking …"
              : questions.length > 1
                ? `Ask ${questions.length} questions`
                : "Ask"}
          </button>
          <span class="hint">Ctrl+Enter asks too.</span>
        </p>
      </form>
      <section aria-label="How it is understood" aria-live="polite">
        {checks.map((check, place) => (
          <Understanding
            key={`${place} ${check.query}`}
            check={check}
            isAlone={checks.length === 1}
            body={bodies[place]}
            onMeant={(query, words, name) =>
              setText((before) => before.replace(query, () => query.replace(words, () => name)))
            }
          />
        ))}
      </section>
    </div>
  );
}

/** What became of questions that were not all asked. */
function NotAsked({
  outcome: { of, done, refused, isBrokenOff },
}: {
  readonly outcome: Outcome;
}): JSX.Element {
  const title = done === 0 ? "Nothing was asked." : undefined;
  const rest = isBrokenOff ? "; asking again asks the rest" : "";
  return (
    <Notice kind="bad" title={title}>
      {done > 0 && (
        <>
          {done} of {plural(of, "question")} {done === 1 ? "was" : "were"} asked{rest}.{" "}
          <a href={link(["runs"])}>To the runs</a>
        </>
      )}
      {of === 1 ? refused[0]?.refusal.message : <Refusals refused={refused} />}
    </Notice>
  );
}
