import type { Identity } from "../parts.ts";

/** The one identity of AUTH=none. It is no address: its runs have no user_email. */
export const LOCAL: Identity = { owner: "local", role: "admin", credential: "none", until: null };

/** Who asks where anybody may. It owns nothing. */
export const NOBODY: Identity = { owner: "", role: "user", credential: "nobody", until: null };

export const isNobody = (identity: Identity): boolean => identity === NOBODY;

/** What stands in a run of this identity. */
export const userEmailOf = (identity: Identity): string | null =>
  identity.owner === LOCAL.owner ? null : identity.owner;

/**
 * Users see their own runs, admins all. A run of an earlier version may hold its address as it was
 * typed.
 */
export const mayTouch = (
  identity: Identity,
  run: { readonly user_email: string | null },
): boolean => identity.role === "admin" || run.user_email?.toLowerCase() === identity.owner;
