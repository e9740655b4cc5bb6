import type { Identity, ServerParts } from "../parts.ts";
import { LOCAL } from "./ownership.ts";

/** Those of the runs that their owners share with who asks. Error STORE_UNAVAILABLE. */
export async function sharedAmong(
  { access }: Pick<ServerParts, "access">,
  { owner }: Identity,
  runIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (owner === LOCAL.owner || runIds.length === 0) return new Set();
  const standing = await access.standingShares(runIds.map((run_id) => ({ run_id, user: owner })));
  return new Set(standing.map(({ run_id }) => run_id));
}
