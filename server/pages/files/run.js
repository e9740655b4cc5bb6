import { readEvents } from "./event-stream.js";
import { answer, ask, at, chosen, onSignIn, pause, say } from "./session.js";

const COME_BACK_MS = 3_000;
const MAY_CANCEL = ["pending", "running"];
const FINAL = ["completed", "cancelled"];

/** Ends what shows the run that was chosen before. */
let showing = new AbortController();

const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
const pathOf = (runId) => `/api/v1/runs/${encodeURIComponent(runId)}`;

function showRun({
  query,
  status,
  current_phase,
  current_iteration,
  grounding_scores,
  error_message,
  held_jobs = [],
}) {
  at("about").hidden = false;
  at("question").textContent = query;
  at("status").textContent = status;
  at("phase").textContent = current_phase ?? "-";
  at("iteration").textContent = String(current_iteration);
  at("scores").textContent = grounding_scores.length === 0 ? "-" : grounding_scores.join(", ");
  at("held").hidden = held_jobs.length === 0;
  at("held").replaceChildren(
    ...held_jobs.map(({ job_id, reason, since }) =>
      element("li", `${job_id}, since ${since}: ${reason}`),
    ),
  );
  at("error").hidden = error_message === null;
  at("error").textContent = error_message ?? "";
  at("cancel").hidden = !MAY_CANCEL.includes(status);
  at("retry").hidden = status !== "failed";
}

/** What must be known before the answer is used is marked. */
function showBasis({ rests_on }) {
  at("basis").hidden = false;
  at("rests-on").replaceChildren(
    ...rests_on.map(({ title, text, caution }) =>
      element("li", `${caution ? "! " : ""}${title}: ${text}`),
    ),
  );
}

/** A link that works without the page's token, or a button that fetches with it. */
function fileOf({ name, bytes, url }) {
  const line = element("li", "");
  if (bytes === null) line.append(`${name}: gone`);
  else if (/^https?:/.test(url))
    line.append(Object.assign(element("a", name), { href: url, download: name }));
  else {
    const button = Object.assign(element("button", name), { type: "button" });
    button.addEventListener("click", () => void save(name, url));
    line.append(button);
  }
  return line;
}

async function save(name, url) {
  try {
    const content = URL.createObjectURL(await (await ask(url)).blob());
    Object.assign(document.createElement("a"), { href: content, download: name }).click();
    URL.revokeObjectURL(content);
    say("");
  } catch (thrown) {
    say(thrown.message);
  }
}

function showResult({
  final_score,
  confidence,
  verdict,
  reading,
  expected_accuracy_in_words: accuracy,
  component_scores,
  files,
}) {
  at("result").hidden = false;
  const scores = Object.values(component_scores);
  const isJudged = scores.length === 0 || scores.some((score) => typeof score === "number");
  at("score").textContent = isJudged ? `${final_score}/10` : "not measurable";
  at("reading").textContent = reading ?? "";
  at("verdict").textContent = verdict === undefined ? "" : `The predicted response ${verdict}.`;
  at("confidence").textContent = `Confidence: ${confidence}`;
  at("accuracy").textContent =
    accuracy === null
      ? ""
      : `Expected accuracy (correlation with a measured response): ${accuracy}`;
  at("components").replaceChildren(
    ...Object.entries(component_scores).map(([name, score]) => {
      const row = element("tr", "");
      row.append(
        element("th", name.replaceAll("_", " ")),
        element("td", typeof score === "number" ? score.toFixed(1) : "not measured"),
      );
      return row;
    }),
  );
  at("files").replaceChildren(...files.map(fileOf));
}

/** Follows one run to its end, or until another is chosen. A failed one may be retried. */
async function follow(runId, signal) {
  at("result").hidden = true;
  let run = await answer(pathOf(runId), { signal });
  showBasis(run);
  for (;;) {
    showRun(run);
    if (FINAL.includes(run.status)) break;
    try {
      const response = await ask(`${pathOf(runId)}/events`, { signal });
      say("");
      if (response.status === 200) {
        await readEvents(response, ({ event, data }) => {
          if (event !== "run" || signal.aborted) return;
          run = JSON.parse(data);
          showRun(run);
        });
      }
      if (!FINAL.includes(run.status)) {
        await pause(COME_BACK_MS, signal);
        run = await answer(pathOf(runId), { signal });
      }
    } catch (thrown) {
      if (signal.aborted) return;
      say(thrown.message);
      await pause(COME_BACK_MS, signal);
    }
  }
  showBasis(await answer(pathOf(runId), { signal }));
  if (run.status === "completed") showResult(await answer(`${pathOf(runId)}/result`, { signal }));
}

async function show() {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  try {
    if (chosen() === "")
      say("The address names no run; open the link of a mail, or add # and the id of a run.");
    else await follow(chosen(), signal);
  } catch (thrown) {
    if (!signal.aborted) say(thrown.message);
  }
}

async function wishFor(wish) {
  try {
    await ask(`${pathOf(chosen())}/${wish}`, { method: "POST" });
    await show();
  } catch (thrown) {
    say(thrown.message);
  }
}

for (const wish of ["cancel", "retry"])
  at(wish).addEventListener("click", () => void wishFor(wish));
onSignIn(show);
addEventListener("hashchange", () => void show());

void show();
