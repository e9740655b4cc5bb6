import type { FastifyRequest } from "fastify";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";
import { type Config, listed } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import type { Role } from "../../services/access/index.ts";
import type { Identity, ServerParts } from "../parts.ts";
import { LOCAL } from "./ownership.ts";
import { hashOf, looksLikeToken } from "./tokens.ts";

const IAP_ISSUER = "https://cloud.google.com/iap";
const CLOCK_TOLERANCE_SECONDS = 30;

/** Finds out who asks. Errors: UNAUTHENTICATED, IDENTITY_UNAVAILABLE, STORE_UNAVAILABLE. */
export type Identify = (request: FastifyRequest) => Promise<Identity>;

const unauthenticated = (sentence: string): HaystackError =>
  new HaystackError("UNAUTHENTICATED", sentence);

const roleOf = (config: Config) => {
  const admins = new Set(listed(config.ADMINS.toLowerCase()));
  return (owner: string): Role => (admins.has(owner) ? "admin" : "user");
};

function byToken({ access, clock, config }: ServerParts): Identify {
  const listedRole = roleOf(config);
  return async (request) => {
    const [, secret] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    if (secret === undefined)
      throw unauthenticated(
        "This request needs a token; send the header `Authorization: Bearer hs_...`.",
      );
    const token = looksLikeToken(secret) ? await access.findToken(hashOf(secret)) : undefined;
    if (token === undefined || token.revoked_at !== null || token.expires_at <= clock.now()) {
      throw unauthenticated(
        "This token is unknown, expired or revoked; ask the operator for a new one.",
      );
    }
    return {
      owner: token.owner,
      role: token.role === "admin" ? "admin" : listedRole(token.owner),
      credential: token.id,
    };
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
  const verify = async (assertion: string): Promise<unknown> => {
    try {
      const { payload } = await jwtVerify(assertion, keys, {
        algorithms: ["ES256"],
        audience: config.IAP_AUDIENCE ?? [],
        issuer: IAP_ISSUER,
        requiredClaims: ["exp", "iat", "sub", "email"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(clock.now()),
      });
      return payload["email"];
    } catch (thrown) {
      if (REFUSALS.some((kind) => thrown instanceof kind)) return undefined;
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
    const email = await verify(assertion);
    if (typeof email !== "string" || !email.includes("@"))
      throw unauthenticated("The identity assertion is not valid; sign in again.");
    const owner = email.toLowerCase();
    return { owner, role: listedRole(owner), credential: "iap" };
  };
}

export function identifier(parts: ServerParts): Identify {
  if (parts.config.AUTH === "token") return byToken(parts);
  if (parts.config.AUTH === "iap") return byIap(parts);
  return () => Promise.resolve(LOCAL);
}
