import autocannon, { type Result } from "autocannon";
import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import type { ServerMessage, ServerReady, ServerSettings } from "./http-server.ts";
import { openStream, percentile } from "./http-streams.ts";

/**
 * The HTTP server under load, the clients in another process than the daemon: status reads against
 * a bare Fastify route in the same process, event streams beside working runs, cancels, and a flood
 * of readers.
 */

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    runs: { type: "string", default: "1000" },
    working: { type: "string", default: "100" },
    streams: { type: "string", default: "500" },
    cancels: { type: "string", default: "50" },
    seconds: { type: "string", default: "8" },
    rounds: { type: "string", default: "3" },
    flood: { type: "string", default: "0" },
  },
});
const [runs, working, streams, cancels, seconds, rounds, flood] = [
  values.runs,
  values.working,
  values.streams,
  values.cancels,
  values.seconds,
  values.rounds,
  values.flood,
].map(Number) as [number, number, number, number, number, number, number];
const CONNECTIONS = 16;
/** Streams that the server serves beyond those of the readers here. */
const SPARE_STREAMS = cancels + 500;

const settings: ServerSettings = {
  runs,
  working,
  waiting: cancels,
  streams: streams + SPARE_STREAMS,
};
const child = fork(new URL("http-server.ts", import.meta.url), [JSON.stringify(settings)]);
const ready = Promise.withResolvers<ServerReady>();
const jobsTold = new Map<string, number>();
const toldOf = new Map<string, () => void>();
let memoryMb = 0;
let mostMemoryMb = 0;
child.on("exit", (code) => ready.reject(new Error(`The server ended with ${code}.`)));
child.on("message", (message: ServerMessage) => {
  if ("ready" in message) ready.resolve(message.ready);
  else if ("memoryMb" in message) {
    memoryMb = message.memoryMb;
    mostMemoryMb = Math.max(mostMemoryMb, memoryMb);
  } else {
    const runId = /^hs-(.+)-i\d+-/.exec(message.cancelledJobsOf)?.[1] ?? "";
    jobsTold.set(runId, message.at);
    toldOf.get(runId)?.();
  }
});
const { url, bareUrl, token, resting, working: workingRuns, waiting } = await ready.promise;
const authorization = `Bearer ${token}`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Streams first: everything below happens beside them. */
const lateness: number[] = [];
let measuring = false;
const readers = await Promise.all(
  Array.from({ length: streams }, (_, index) =>
    openStream({
      url,
      token,
      runId: workingRuns[index % workingRuns.length] ?? "",
      onTransition(at) {
        if (measuring) lateness.push(Date.now() - at);
      },
    }),
  ),
);

const fire = (target: string, paths: readonly string[]) =>
  autocannon({
    url: target,
    connections: CONNECTIONS,
    duration: seconds,
    headers: { authorization },
    requests: paths.map((path) => ({ path })),
  });
const figure = (results: readonly Result[]) => ({
  per_second: Math.round(
    percentile(
      results.map(({ requests }) => requests.average),
      0.5,
    ),
  ),
  p50_ms: percentile(
    results.map(({ latency }) => latency.p50),
    0.5,
  ),
  p99_ms: percentile(
    results.map(({ latency }) => latency.p99),
    0.5,
  ),
  errors: results.reduce((total, { errors, non2xx }) => total + errors + non2xx, 0),
});

await pause(2_000);
measuring = true;
await pause(seconds * 1_000);
measuring = false;
const quiet = [...lateness];
lateness.length = 0;

const everyRun = [...resting, ...workingRuns];
const reads: Result[] = [];
const bare: Result[] = [];
measuring = true;
for (let round = 0; round < rounds; round++) {
  reads.push(
    await fire(
      url,
      everyRun.map((id) => `/api/v1/runs/${id}`),
    ),
  );
  bare.push(
    await fire(
      bareUrl,
      everyRun.map((id) => `/run/${id}`),
    ),
  );
}
measuring = false;

/** From the click to the stream, and to the call that stops the GPU job. */
const shown: number[] = [];
const told: number[] = [];
const answered: number[] = [];
for (const runId of waiting) {
  const seen = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  toldOf.set(runId, stopped.resolve);
  let clicked = 0;
  const reader = await openStream({
    url,
    token,
    runId,
    onStatus(status) {
      if (status !== "cancelled" || clicked === 0) return;
      shown.push(Date.now() - clicked);
      seen.resolve();
    },
  });
  clicked = Date.now();
  const response = await fetch(`${url}/api/v1/runs/${runId}/cancel`, {
    method: "POST",
    headers: { authorization },
  });
  answered.push(Date.now() - clicked);
  if (response.status !== 202) throw new Error(`A cancel was answered with ${response.status}.`);
  await Promise.all([seen.promise, stopped.promise]);
  told.push((jobsTold.get(runId) ?? Number.NaN) - clicked);
  reader.close();
}

async function floodOf(count: number) {
  const before = memoryMb;
  const began = Date.now();
  const statuses = new Map<number, number>();
  const opened: { close(): void }[] = [];
  for (let first = 0; first < count; first += 250) {
    const some = await Promise.allSettled(
      Array.from({ length: Math.min(250, count - first) }, (_, index) =>
        openStream({ url, token, runId: workingRuns[index % workingRuns.length] ?? "" }),
      ),
    );
    for (const outcome of some) {
      const status = outcome.status === "fulfilled" ? outcome.value.status : 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (outcome.status === "fulfilled") opened.push(outcome.value);
    }
  }
  const took_ms = Date.now() - began;
  const during = await fire(url, [`/api/v1/runs/${resting[0] ?? ""}`]);
  for (const stream of opened) stream.close();
  return {
    asked: count,
    took_ms,
    by_status: Object.fromEntries(statuses),
    memory_mb_before: before,
    memory_mb_most: mostMemoryMb,
    reads_meanwhile: figure([during]),
  };
}
const flooded = flood === 0 ? null : await floodOf(flood);

for (const reader of readers) reader.close();
const exited = new Promise((resolve) => child.once("exit", resolve));
child.send("stop");
await exited;

const lateFigures = (values_: readonly number[]) => ({
  events: values_.length,
  p50_ms: percentile(values_, 0.5),
  p99_ms: percentile(values_, 0.99),
  worst_ms: percentile(values_, 1),
});
const [ours, theirs] = [figure(reads), figure(bare)];
const report = {
  runs,
  working_runs: working,
  event_streams: streams,
  connections: CONNECTIONS,
  status_reads: ours,
  bare_fastify: theirs,
  share_of_bare: Number((ours.per_second / theirs.per_second).toFixed(3)),
  transition_to_stream: lateFigures(quiet),
  transition_to_stream_under_load: lateFigures(lateness),
  cancel: {
    answered_p99_ms: percentile(answered, 0.99),
    in_stream_p50_ms: percentile(shown, 0.5),
    in_stream_p99_ms: percentile(shown, 0.99),
    job_told_p50_ms: percentile(told, 0.5),
    job_told_p99_ms: percentile(told, 0.99),
  },
  flood: flooded,
  memory_mb: mostMemoryMb,
};
if (values.json) console.log(JSON.stringify(report, null, 2));
else {
  console.log(
    `Status reads: ${ours.per_second}/s, p99 ${ours.p99_ms} ms; a bare Fastify route: ${theirs.per_second}/s, p99 ${theirs.p99_ms} ms (share ${report.share_of_bare})`,
  );
  console.log(
    `Transition to stream: p50 ${report.transition_to_stream.p50_ms} ms, p99 ${report.transition_to_stream.p99_ms} ms of ${quiet.length} events; beside the reads p99 ${report.transition_to_stream_under_load.p99_ms} ms`,
  );
  console.log(
    `Cancel: in the stream p99 ${report.cancel.in_stream_p99_ms} ms, job told p99 ${report.cancel.job_told_p99_ms} ms`,
  );
  if (flooded !== null) console.log(`Flood: ${JSON.stringify(flooded)}`);
}
