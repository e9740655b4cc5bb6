import { readEvents } from "./event-stream.js";
import { answer, ask, at, chosen, onSignIn, pause, say } from "./session.js";
import { drawMachines, markStates } from "./statechart.js";

const COME_BACK_MS = 3_000;
const LOG_LINES = 200;

let machines = [];
/** Ends what shows the run that was chosen before. */
let showing = new AbortController();

function showRun({ query, status, current_phase, current_iteration, grounding_scores }) {
  at("about").hidden = false;
  at("question").textContent = query;
  at("status").textContent = status;
  at("phase").textContent = current_phase ?? "-";
  at("iteration").textContent = String(current_iteration);
  at("scores").textContent = grounding_scores.length === 0 ? "-" : grounding_scores.join(", ");
}

function logTransition({ at: time, actor, event, from, to }) {
  const line = document.createElement("li");
  line.textContent = `${time.slice(11, 23)} ${actor}: ${from === "" ? "begins" : from} → ${to} (${event})`;
  at("log").prepend(line);
  while (at("log").children.length > LOG_LINES) at("log").lastElementChild.remove();
}

/** Follows one run until another is chosen. The states are those of its transitions, so each one is shown in its turn. */
async function follow(runId, signal) {
  const path = `/api/v1/runs/${encodeURIComponent(runId)}`;
  const states = new Map([["run", "queued"]]);
  let lastId;
  at("log").replaceChildren();
  at("past").hidden = false;
  markStates(at("machines"), machines, states);
  showRun(await answer(path, { signal }));
  for (;;) {
    try {
      const response = await ask(`${path}/events`, {
        signal,
        headers: lastId === undefined ? {} : { "last-event-id": lastId },
      });
      say("");
      if (response.status === 200) {
        await readEvents(response, ({ id, event, data }) => {
          if (signal.aborted) return;
          const told = JSON.parse(data);
          if (event === "run") showRun(told);
          if (event !== "transition") return;
          lastId = id;
          states.set(told.actor, told.to);
          logTransition(told);
          markStates(at("machines"), machines, states);
        });
      }
    } catch (thrown) {
      if (signal.aborted) return;
      say(thrown.message);
    }
    await pause(COME_BACK_MS, signal);
  }
}

function show(runId) {
  showing.abort();
  showing = new AbortController();
  const { signal } = showing;
  at("run").value = runId;
  follow(runId, signal).catch((thrown) => {
    if (!signal.aborted) say(thrown.message);
  });
}

async function begin() {
  try {
    ({ machines } = await answer("/admin/machine"));
    drawMachines(at("machines"), machines);
    const { runs } = await answer("/api/v1/runs?all=true&limit=100");
    at("runs").replaceChildren(
      ...runs.map(({ run_id, status, query }) =>
        Object.assign(document.createElement("option"), {
          value: run_id,
          label: `${status}: ${query.slice(0, 80)}`,
        }),
      ),
    );
    say(runs.length === 0 ? "There are no runs yet." : "");
    if (chosen() !== "") show(chosen());
  } catch (thrown) {
    say(thrown.message);
  }
}

at("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = encodeURIComponent(at("run").value.trim());
});
onSignIn(begin);
addEventListener("hashchange", () => {
  if (chosen() !== "") show(chosen());
});

void begin();
