import { z } from "zod";
import { HaystackError, objectNotFound } from "../../errors.ts";
import { saveFile, type ResultKind } from "../runs/save-results.ts";
import { patiently, PassingTrouble, reaching, unreachable, type ServerClient } from "./client.ts";

const resultSchema = z.object({
  files: z.array(z.object({ kind: z.string(), url: z.string(), bytes: z.number().nullable() })),
});
type ResultFile = z.infer<typeof resultSchema>["files"][number];

const API = "/api/v1/";
/** A transfer that stands still for so long is dead. */
const SILENCE_MS = 60_000;

/**
 * Saves one file of a completed run's result. Errors: those of the server, OBJECT_NOT_FOUND,
 * SERVER_UNREACHABLE.
 */
export async function downloadResult(
  client: ServerClient,
  runId: string,
  kind: ResultKind,
  file: string,
): Promise<void> {
  const { files } = await client.json({
    path: `/runs/${encodeURIComponent(runId)}/result`,
    schema: resultSchema,
  });
  const found = files.find((each) => each.kind === kind && each.bytes !== null);
  if (found === undefined)
    throw objectNotFound(`with the ${kind} of ${runId}`, {
      advice: "ask the operator of the server.",
      runId,
    });
  await patiently(() => transfer(client, found, file));
}

/** A link of the server's store is asked without our token. */
async function transfer(
  client: ServerClient,
  { url, bytes }: ResultFile,
  file: string,
): Promise<void> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const { signal } = silence;
  try {
    const response = url.startsWith(API)
      ? await client.open(url.slice(API.length - 1), { signal })
      : await storedAt(client.url, url, signal);
    await saveFile(
      file,
      counted(response, bytes, () => timer.refresh(), client.url),
    );
  } finally {
    clearTimeout(timer);
  }
}

async function storedAt(server: string, url: string, signal: AbortSignal): Promise<Response> {
  const response = await reaching(server, () => fetch(url, { signal }));
  if (response.ok) return response;
  await response.body?.cancel();
  const error = new HaystackError(
    "OBJECTS_UNAVAILABLE",
    `The file could not be downloaded from the store of the server at ${server} (HTTP status ${response.status}); try again later.`,
  );
  throw response.status >= 500 ? new PassingTrouble(error) : error;
}

async function* counted(
  response: Response,
  bytes: number | null,
  onData: () => void,
  server: string,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const chunk of response.body ?? []) {
      onData();
      received += chunk.length;
      yield chunk;
    }
  } catch (thrown) {
    throw unreachable(server, thrown);
  }
  if (bytes !== null && received !== bytes)
    throw unreachable(server, new Error(`only ${received} of ${bytes} bytes arrived`));
}
