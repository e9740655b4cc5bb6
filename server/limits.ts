import fastifyRateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { HaystackError } from "../errors.ts";
import { isNobody } from "./access/ownership.ts";
import type { ServerParts } from "./parts.ts";

const MINUTE_MS = 60_000;
const IPV6_NETWORK_GROUPS = 4;

/**
 * An IPv4 address, or the /64 network of an IPv6 address: one client has all addresses of the
 * latter.
 */
export function networkOf(ip: string): string {
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.split("::");
  const first = head.split(":").filter((group) => group !== "");
  const last = (tail ?? "").split(":").filter((group) => group !== "");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  return [...first, ...zeros, ...last].slice(0, IPV6_NETWORK_GROUPS).join(":");
}

const keyOf = ({ identity, ip }: FastifyRequest): string =>
  isNobody(identity) ? `address ${networkOf(ip)}` : `user ${identity.owner}`;

const tooMany = (milliseconds: number): HaystackError => {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1_000));
  return new HaystackError(
    "RATE_LIMITED",
    `Too many requests; wait ${seconds} seconds, then try again.`,
    { details: { retry_after_seconds: seconds } },
  );
};

/**
 * Limits requests per user, and per network where nobody has said who asks. A route may set its own
 * in `config.rateLimit`.
 */
export async function limitRequests(app: FastifyInstance, { config }: ServerParts): Promise<void> {
  await app.register(fastifyRateLimit, {
    max: config.HTTP_REQUESTS_PER_MINUTE,
    timeWindow: MINUTE_MS,
    keyGenerator: keyOf,
    errorResponseBuilder: (_, { ttl }) => tooMany(ttl),
  });
}

/** Counts failures to say who asks, per network. Error: RATE_LIMITED. */
export function failureLimit(
  app: FastifyInstance,
  { config }: ServerParts,
): (request: FastifyRequest) => Promise<void> {
  const count = app.createRateLimit({
    max: config.HTTP_FAILURES_PER_MINUTE,
    timeWindow: MINUTE_MS,
    keyGenerator: ({ ip }) => networkOf(ip),
  });
  return async (request) => {
    const counted = await count(request);
    if (!counted.isAllowed && counted.isExceeded) throw tooMany(counted.ttl);
  };
}
