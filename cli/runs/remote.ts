import { randomUUID } from "node:crypto";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pLimit from "p-limit";
import { z } from "zod";
import { MOST_CANDIDATES, theRunId } from "../../actors/find-run-id.ts";
import { resultObjects } from "../../actors/run-objects.ts";
import type { Config } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import {
  jobOutputsSchema,
  listedRunSchema,
  runStatusSchema,
  sharesSchema,
  type RunStatusShown,
} from "../../server/runs/schemas.ts";
import { runDocumentSchema, type RunDocument } from "../../services/runs/document.ts";
import { checkSchema, onlyRepairs } from "../../server/questions/shown-check.ts";
import { logging, withProgress } from "../progress.ts";
import type { ServerClient } from "../server/client.ts";
import { downloadResult } from "../server/download.ts";
import { followRun, type RunSummary } from "../server/follow.ts";
import { cancelOnInterrupt, leaveOnInterrupt } from "./interrupts.ts";
import type { ListedRun, ListFilter, RunOperations, RunOrder, Transition } from "./operations.ts";
import { checkHasReport, resultFolder, withFilesIn } from "./save-results.ts";

const pageSchema = z.object({
  runs: z.array(listedRunSchema),
  next_cursor: z.string().nullable(),
});
const LARGEST_PAGE = 200;
const REQUESTS_TOGETHER = 8;

/** Runs become names of files and folders here. */
const PLAIN_ID = /^\w[\w.-]*$/;

const pathOf = (runId: string): string => `/runs/${encodeURIComponent(runId)}`;

/** Runs at a server, which hosts them. */
export function remoteRuns(client: ServerClient, { dataDir }: Config): RunOperations {
  const get = (runId: string): Promise<RunStatusShown> =>
    client.json({ path: pathOf(runId), schema: runStatusSchema });

  /** Administrators mean the runs of all, others may not ask for them. */
  const beginningWith = async (id: string): Promise<readonly RunSummary[]> => {
    const page = async (whose: string): Promise<readonly RunSummary[]> => {
      const asked = new URLSearchParams({ id, limit: String(MOST_CANDIDATES) }).toString();
      return (await client.json({ path: `/runs?${whose}&${asked}`, schema: pageSchema })).runs;
    };
    try {
      return await page("all=true");
    } catch (thrown) {
      if (!(thrown instanceof HaystackError) || thrown.code !== "FORBIDDEN") throw thrown;
      return [...(await page("all=false")), ...(await page("shared=true"))];
    }
  };

  /** The key makes one run of the request, however often it is sent. */
  const submit = ({
    query,
    config,
    random_seed,
    user_email,
    name,
    labels,
  }: RunOrder): Promise<RunDocument> =>
    client.json({
      method: "POST",
      path: "/runs",
      headers: { "idempotency-key": randomUUID() },
      body: { query, config, random_seed, user_email, name, labels },
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

  const list = async ({
    limit,
    labels = {},
    shared,
    ...filter
  }: ListFilter): Promise<ListedRun[]> => {
    const runs: ListedRun[] = [];
    let cursor: string | null = null;
    do {
      const asked = new URLSearchParams({
        limit: String(Math.min(limit - runs.length, LARGEST_PAGE)),
        ...given(filter),
        ...(shared === undefined ? {} : { shared: "true" }),
        ...(cursor === null ? {} : { cursor }),
      });
      for (const [key, value] of Object.entries(labels)) asked.append("label", `${key}=${value}`);
      const page: z.infer<typeof pageSchema> = await client.json({
        path: `/runs?${asked.toString()}`,
        schema: pageSchema,
      });
      runs.push(...page.runs);
      cursor = page.next_cursor;
    } while (cursor !== null && runs.length < limit);
    return runs;
  };

  const readers = async (method: "PUT" | "DELETE", runId: string, user: string) => {
    const path = `${pathOf(runId)}/shares/${encodeURIComponent(user)}`;
    const { shares } = await client.json({ method, path, schema: sharesSchema });
    return shares.map((share) => share.user);
  };

  /** Error SERVER_NOT_UNDERSTOOD. */
  const plain = (runId: string): string => {
    if (PLAIN_ID.test(runId)) return runId;
    throw new HaystackError(
      "SERVER_NOT_UNDERSTOOD",
      `The server at ${client.url} returned a run id of a form that HAYSTACK does not use; check the address.`,
    );
  };

  const check: RunOperations["check"] = (body) =>
    client.json({ method: "POST", path: "/questions/check", body, schema: checkSchema });

  const repairs: RunOperations["repairs"] = async (question) => onlyRepairs(await check(question));

  return {
    check,
    repairs,
    submit: async (order) => ({ run: await submit(order), isDaemonThere: true }),
    list,
    find: async (id) => theRunId(id, await beginningWith(id)),
    get,
    async documents(filter) {
      const inTurn = pLimit(REQUESTS_TOGETHER);
      return Promise.all(
        (await list(filter)).map(({ run_id }) =>
          inTurn(() => client.json({ path: pathOf(run_id), schema: runDocumentSchema })),
        ),
      );
    },
    logs: (runId) => client.json({ path: `${pathOf(runId)}/logs`, schema: jobOutputsSchema }),
    async report(runId) {
      checkHasReport(await get(runId));
      const file = join(await mkdtemp(join(tmpdir(), "haystack-report-")), `${plain(runId)}.html`);
      await downloadResult(client, runId, "report", file);
      return file;
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
    async delete(runId) {
      await client.json({ method: "DELETE", path: pathOf(runId), schema: z.null() });
    },
    share: (runId, user) => readers("PUT", runId, user),
    unshare: (runId, user) => readers("DELETE", runId, user),
    async answer({ config: configFor, atlases, importing, confirm, output, ...asked }) {
      const { dataset, ...columns } = importing;
      if (atlases.length > 0 || Object.values(columns).some((value) => value !== undefined)) {
        throw new HaystackError(
          "USAGE",
          "A server uses its own atlases; name one with --dataset, and remove --atlas and the column options.",
        );
      }
      const chosen = output === undefined ? undefined : await resultFolder(output);
      const config = configFor(dataset === undefined ? [] : [dataset]);
      if (process.stdin.isTTY) await confirm(await repairs({ query: asked.query, config }));
      const { run_id } = await submit({ ...asked, config });
      plain(run_id);
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
