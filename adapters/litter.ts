import { join } from "node:path";
import type { Config } from "../config.ts";
import { removeExpired } from "../services/http/answer-cache.ts";
import { jobRoot } from "../services/batch/local/job.ts";
import { UNFINISHED_MAIL } from "../services/mail/eml-file.ts";
import { SCRATCH } from "../services/objects/object-path.ts";
import { eachApart, rethrow } from "../each-apart.ts";
import { removeUnfinished } from "../unfinished.ts";
import { clock } from "./clock.ts";
import { dataFolder } from "./data-folder.ts";

const DAY_MS = 86_400_000;

/** Where the answers of databases are cached. */
export const answerCache = (
  { dataDir, LITERATURE_CACHE_DAYS }: Config,
  kind: "literature" | "look-ups",
): { readonly cacheFolder: string; readonly cacheMs: number } => ({
  cacheFolder: join(dataDir, "cache", kind),
  cacheMs: LITERATURE_CACHE_DAYS * DAY_MS,
});

/** Removes what no run needs: answers past their time, and what killed processes left unfinished. */
export async function removeLitter(config: Config, signal?: AbortSignal): Promise<void> {
  const expired = (kind: "literature" | "look-ups") => (): Promise<void> => {
    const { cacheFolder, cacheMs } = answerCache(config, kind);
    return removeExpired(
      { folder: cacheFolder, maxAgeMs: cacheMs, now: () => clock.now() },
      signal,
    );
  };
  const { objects, jobs, mail, uploads } = dataFolder(config);
  const kinds: readonly (() => Promise<void>)[] = [
    expired("literature"),
    expired("look-ups"),
    () => removeUnfinished(join(objects, SCRATCH)),
    () => removeUnfinished(jobRoot(jobs).drafts),
    () => removeUnfinished(uploads),
    () => removeUnfinished(mail, (name) => name.endsWith(UNFINISHED_MAIL)),
  ];
  const failures = await eachApart(
    kinds.entries(),
    ([place]) => String(place),
    ([, remove]) => remove(),
  );
  rethrow(failures);
}
