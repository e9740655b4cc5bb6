import { HaystackError } from "../../errors.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { LOCAL } from "./ownership.ts";

/** Users that one run is shared with. */
export const MOST_SHARES = 100;
/** Something@something, without spaces and control characters. */
const ADDRESS = /^[^\s@\p{C}]{1,64}@[^\s@\p{C}]+$/u;
const LONGEST_ADDRESS = 254;

/** An address in the form in which users are known here. Error USAGE. */
export function addressOf(given: string): string {
  const address = given.trim().normalize("NFKC").toLowerCase();
  if (address.length <= LONGEST_ADDRESS && ADDRESS.test(address)) return address;
  throw new HaystackError(
    "USAGE",
    "A run is shared with an e-mail address; give the one that the other user signs in with, such as bo@example.org.",
  );
}

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
