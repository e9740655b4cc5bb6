import { readFile } from "node:fs/promises";
import { z } from "zod";
import { failurePath, type ImportOrder, orderPath, readOrder } from "../actors/imports/order.ts";
import type { ShareFailure } from "../actors/imports/on-batch.ts";
import { takeShare } from "../actors/imports/take-share.ts";
import type { Config } from "../config.ts";
import { configInvalid, HaystackError, toHaystackError } from "../errors.ts";
import type { ObjectStore } from "../services/objects/index.ts";
import { SOFTWARE } from "../software.ts";
import { problemOf } from "../zod-words.ts";
import { note } from "./output.ts";

/** What Batch and the order tell a task of an import. */
const environmentSchema = z.object({
  IMPORT_ID: z.string().regex(/^[0-9a-f]{24}$/),
  IMPORT_ATTEMPT: z.coerce.number().int().min(1),
  BATCH_TASK_INDEX: z.coerce.number().int().min(0),
});

/**
 * Does the share of an import that the environment names. Returns what went wrong, which is stored
 * for the one who asked for the import.
 */
export async function importShare(
  config: Config,
  environment: NodeJS.ProcessEnv,
): Promise<HaystackError | undefined> {
  const parsed = environmentSchema.safeParse(environment);
  if (!parsed.success) throw configInvalid(parsed.error.issues.map((issue) => problemOf(issue)));
  const { IMPORT_ID: id, IMPORT_ATTEMPT: attempt, BATCH_TASK_INDEX: share } = parsed.data;
  const { openWorkbench } = await import("../workbench.ts");
  await using opened = new AsyncDisposableStack();
  const workbench = opened.adopt(await openWorkbench(config), (part) => part.close());
  const { objects } = workbench;
  try {
    const order = await fetchOrder(objects, id);
    const { openObjects } = await import("../adapters/objects.ts");
    const sources = opened.adopt(await openObjects(config, order.source.bucket, ""), (part) =>
      part.close(),
    );
    await takeShare({ ...workbench, sources }, order, share);
    return undefined;
  } catch (thrown) {
    const error = toHaystackError(thrown);
    const failure: ShareFailure = { code: error.code, message: error.message };
    await objects
      .putText(failurePath(id, attempt, share), JSON.stringify(failure))
      .catch((second: unknown) => note(`haystack: ${toHaystackError(second).message}`));
    return error;
  }
}

async function fetchOrder(objects: ObjectStore, id: string): Promise<ImportOrder> {
  const order = readOrder(await readFile(await objects.fetch({ path: orderPath(id) }), "utf8"));
  if (order !== undefined && order.release === SOFTWARE.version) return order;
  throw new HaystackError(
    "CONFIG_INVALID",
    `DISPATCH_IMAGE is release ${SOFTWARE.version} and the command that asked for the import${order === undefined ? " is another one" : ` is ${order.release}`}; use the same release for both.`,
  );
}
