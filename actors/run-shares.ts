import { HaystackError } from "../errors.ts";
import type { RunShare } from "../services/access/index.ts";
import type { RunDocument } from "../services/runs/document.ts";

/** With whom a run may be shared. */

/** Users that one run is shared with. */
const MOST_SHARES = 100;
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

/** Errors: USAGE, LIMIT_EXCEEDED. */
export function checkShare(
  { run_id, user_email }: RunDocument,
  user: string,
  shares: readonly RunShare[],
): void {
  const details = { details: { run_id } };
  if (user_email?.toLowerCase() === user)
    throw new HaystackError("USAGE", `The run is ${user}'s own; name another user.`, details);
  if (shares.length >= MOST_SHARES && shares.every((share) => share.user !== user))
    throw new HaystackError(
      "LIMIT_EXCEEDED",
      `The run is shared with ${shares.length} users, the most there may be; take it back from one first.`,
      details,
    );
}
