import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { z } from "zod";
import { resultObjects } from "../../actors/run-objects.ts";
import type { Config } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import { runSummarySchema } from "../../server/runs/schemas.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { logging, withProgress } from "../progress.ts";
import type { ServerClient } from "../server/client.ts";
import { downloadResult } from "../server/download.ts";
import { followRun, type RunSummary } from "../server/follow.ts";
import { cancelOnInterrupt, leaveOnInterrupt } from "./interrupts.ts";
import type { ListFilter, RunOperations, RunOrder, Transition } from "./operations.ts";
import { resultFolder, withFilesIn } from "./save-results.ts";

const pageSchema = z.object({
  runs: z.array(runSummarySchema),
  next_cursor: z.string().nullable(),
});
const LARGEST_PAGE = 200;
const REQUESTS_TOGETHER = 8;

/** Runs become names of files and folders here. */
const PLAIN_ID = /^\w[\w.-]*$/;

const pathOf = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;

/** Runs at a server, which hosts them. */
export function remoteRuns(client: ServerClient, { dataDir }: Config): RunOperations {
  const get = (runId: string): Promise<RunDocument> =>
    client.json({ path: pathOf(runId), schema: runDocumentSchema });

  /** The key makes one run of the request, however often it is sent. */
  const submit = ({ query, config, random_seed, user_email }: RunOrder): Promise<RunDocument> =>
    client.json({
      method: "POST",
      path: "/runs",
      headers: { "idempotency-key": randomUUID() },
      body: { query, config, random_seed, user_email },
      schema: runDocumentSchema,
    });

  const ask = (runId: string, wish: "cancel" | "retry"): Promise<RunDocument> =>
    client.json({ method: "POST", path: `${pathOf(runId)}/${wish}`, schema: runDocumentSchema });

  const follow = (
    runId: string,
    {
      lineOf,
      signal,
    }: {
      readonly lineOf?: ((transition: Transition) => string) | undefined;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<RunDocument> =>
    withProgress((progress) =>
      followRun(client, runId, {
        onRun: progress.show,
        onTransition: logging(progress, lineOf),
        onLost: () => progress.log(`Lost the connection to ${client.url}; trying again.`),
        ...(signal === undefined ? {} : { signal }),
      }),
    );

  const list = async ({ status, limit }: ListFilter): Promise<RunSummary[]> => {
    const runs: RunSummary[] = [];
    let cursor: string | null = null;
    do {
      const asked = new URLSearchParams({
        limit: String(Math.min(limit - runs.length, LARGEST_PAGE)),
        ...(status === undefined ? {} : { status }),
        ...(cursor === null ? {} : { cursor }),
      });
      const page: z.infer<typeof pageSchema> = await client.json({
        path: `/runs?${asked.toString()}`,
        schema: pageSchema,
      });
      runs.push(...page.runs);
      cursor = page.next_cursor;
    } while (cursor !== null && runs.length < limit);
    return runs;
  };

  return {
    submit,
    list,
    get,
    async documents(filter) {
      const inTurn = pLimit(REQUESTS_TOGETHER);
      return Promise.all((await list(filter)).map(({ run_id }) => inTurn(() => get(run_id))));
    },
    watch: (runId, lineOf) =>
      leaveOnInterrupt(runId, (signal) => follow(runId, { lineOf, signal })),
    async cancel(runId) {
      await ask(runId, "cancel");
      return cancelOnInterrupt(
        runId,
        () => ask(runId, "cancel"),
        () => follow(runId),
      );
    },
    async retry(runId) {
      await ask(runId, "retry");
      return cancelOnInterrupt(
        runId,
        () => ask(runId, "cancel"),
        () => follow(runId),
      );
    },
    async answer({ config, atlases, importing, output, ...asked }) {
      const { dataset, ...columns } = importing;
      if (atlases.length > 0 || Object.values(columns).some((value) => value !== undefined)) {
        throw new HaystackError(
          "USAGE",
          "A server uses its own atlases; name one with --dataset, and remove --atlas and the column options.",
        );
      }
      const chosen = output === undefined ? undefined : await resultFolder(output);
      const { run_id } = await submit({
        ...asked,
        config: config(dataset === undefined ? [] : [dataset]),
      });
      if (!PLAIN_ID.test(run_id))
        throw new HaystackError(
          "SERVER_NOT_UNDERSTOOD",
          `The server at ${client.url} returned a run id of a form that HAYSTACK does not use; check the address.`,
        );
      const ended = await cancelOnInterrupt(
        run_id,
        () => ask(run_id, "cancel"),
        () => follow(run_id),
      );
      if (ended.document.status !== "completed") return ended;
      const folder = chosen ?? join(dataDir, "objects", dirname(resultObjects(run_id).anndata));
      return {
        ...ended,
        document: await withFilesIn(folder, ended.document, (kind, file) =>
          downloadResult(client, run_id, kind, file),
        ),
      };
    },
  };
}
