import type { FastifyRequest } from "fastify";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { type Config, listed } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import type { AccessToken, Role } from "../../services/access/index.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { LOCAL } from "./ownership.ts";
import { hashOf, looksLikeToken } from "./tokens.ts";

const IAP_ISSUER = "https://cloud.google.com/iap";
const CLOCK_TOLERANCE_SECONDS = 30;
/** The proxy's assertions are for ten minutes; Google advises to allow one more. */
const LONGEST_ASSERTION_SECONDS = 660;
/** Something@something, without spaces and control characters. */
const ADDRESS = /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u;

/** Finds out who asks. Errors: UNAUTHENTICATED, IDENTITY_UNAVAILABLE, STORE_UNAVAILABLE. */
export type Identify = (request: FastifyRequest) => Promise<Identity>;

const unauthenticated = (sentence: string): HaystackError =>
  new HaystackError("UNAUTHENTICATED", sentence);

const roleOf = (config: Config) => {
  const admins = new Set(listed(config.ADMINS.toLowerCase()));
  return (owner: string): Role => (admins.has(owner) ? "admin" : "user");
};

/** Who a token stands for at that time; null when it has expired or was revoked. */
export function tokenIdentity(
  config: Config,
): (token: AccessToken, now: number) => Identity | null {
  const listedRole = roleOf(config);
  return ({ id, owner, role, expires_at, revoked_at }, now) =>
    revoked_at !== null || expires_at <= now
      ? null
      : {
          owner,
          role: role === "admin" ? "admin" : listedRole(owner),
          credential: id,
          until: expires_at,
        };
}

function byToken({ access, clock, config }: ServerParts): Identify {
  const identityOf = tokenIdentity(config);
  return async (request) => {
    const [, secret] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (secret === undefined)
      throw unauthenticated(
        "This request needs a token; send the header `Authorization: Bearer hs_...`.",
      );
    const token = looksLikeToken(secret) ? await access.findToken(hashOf(secret)) : undefined;
    const identity = token === undefined ? null : identityOf(token, clock.now());
    if (identity === null && token !== undefined) request.presented = token.id;
    if (identity === null)
      throw unauthenticated(
        "This token is unknown, expired or revoked; ask the operator for a new one.",
      );
    return identity;
  };
}

const REFUSALS = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSMultipleMatchingKeys,
  errors.JWKSNoMatchingKey,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
] as const;

/**
 * Google's Identity-Aware Proxy signs who asks; the e-mail header beside it proves nothing and is
 * not read.
 */
function byIap({ config, clock }: ServerParts): Identify {
  const listedRole = roleOf(config);
  const keys = createRemoteJWKSet(new URL(config.IAP_JWKS_URL));
  const verify = async (assertion: string): Promise<Identity | null> => {
    try {
      const { payload } = await jwtVerify(assertion, keys, {
        algorithms: ["ES256"],
        audience: config.IAP_AUDIENCE ?? [],
        issuer: IAP_ISSUER,
        requiredClaims: ["exp", "iat", "sub", "email"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        // Refuses one that was issued later than now, too.
        maxTokenAge: LONGEST_ASSERTION_SECONDS,
        currentDate: new Date(clock.now()),
      });
      const { exp = 0, iat = 0, email } = payload;
      if (exp - iat > LONGEST_ASSERTION_SECONDS || typeof email !== "string") return null;
      const owner = email.normalize("NFKC").toLowerCase();
      if (!ADDRESS.test(owner)) return null;
      const until = (exp + CLOCK_TOLERANCE_SECONDS) * 1_000;
      return { owner, role: listedRole(owner), credential: "iap", until };
    } catch (thrown) {
      if (REFUSALS.some((kind) => thrown instanceof kind)) return null;
      throw new HaystackError(
        "IDENTITY_UNAVAILABLE",
        "The keys that verify identities cannot be fetched; try again later.",
        { cause: thrown },
      );
    }
  };
  return async (request) => {
    const assertion = request.headers["x-goog-iap-jwt-assertion"];
    if (typeof assertion !== "string")
      throw unauthenticated(
        "This server is reached through Google's Identity-Aware Proxy only; sign in there.",
      );
    const identity = await verify(assertion);
    if (identity === null)
      throw unauthenticated("The identity assertion is not valid; sign in again.");
    return identity;
  };
}

export function identifier(parts: ServerParts): Identify {
  if (parts.config.AUTH === "token") return byToken(parts);
  if (parts.config.AUTH === "iap") return byIap(parts);
  return () => Promise.resolve(LOCAL);
}
