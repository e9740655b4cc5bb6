import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { AccessStore, AccessToken, Role } from "../../services/access/index.ts";

const PREFIX = "hs_";
const SECRET_BYTES = 32;
const DAY_MS = 86_400_000;

/** SHA-256 suffices: the secret is 256 random bits, so there is nothing to guess from its hash. */
export const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

export const looksLikeToken = (text: string): boolean => /^hs_[\w-]{43}$/.test(text);

/** Makes a token and stores its hash. The secret is told once, here. */
export async function issueToken(
  store: AccessStore,
  {
    owner,
    role,
    days,
    now,
  }: { readonly owner: string; readonly role: Role; readonly days: number; readonly now: number },
): Promise<{ readonly token: AccessToken; readonly secret: string }> {
  const secret = `${PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
  const token: AccessToken = {
    id: randomUUID(),
    owner: owner.toLowerCase(),
    role,
    created_at: now,
    expires_at: now + days * DAY_MS,
    revoked_at: null,
  };
  await store.insertToken(token, hashOf(secret));
  return { token, secret };
}
