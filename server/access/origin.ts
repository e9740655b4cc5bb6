import type { FastifyRequest } from "fastify";
import { type Config, isLoopback, listed } from "../../config.ts";
import { HaystackError } from "../../errors.ts";

const hostName = (host: string): string | undefined =>
  URL.canParse(`http://${host}`)
    ? new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, "$1")
    : undefined;

/** What a proxy adds: behind one every request seems to come from this machine. */
const FORWARDED = /^(?:forwarded|x-forwarded-.*|x-real-ip)$/;

/**
 * Refuses what a page of another web site makes a browser send. Such a page may have its own name
 * resolve to this machine (so without sign-in only names of this machine are answered), and may
 * send a user's proxy session along. Error: FORBIDDEN.
 */
export function refuseForeignPages(config: Config): (request: FastifyRequest) => void {
  const allowed = new Set(listed(config.CORS_ORIGINS));
  return ({ host, headers, routeOptions }) => {
    const { origin } = headers;
    if (config.AUTH === "none" && Object.keys(headers).some((name) => FORWARDED.test(name))) {
      throw new HaystackError(
        "FORBIDDEN",
        "Without sign-in this server answers only requests of its own machine, and this one was forwarded by a proxy; set AUTH, or ask without the proxy.",
      );
    }
    if (config.AUTH === "none" && !isLoopback(hostName(host) ?? "")) {
      throw new HaystackError(
        "FORBIDDEN",
        "Without sign-in this server answers only requests to its own machine; use http://127.0.0.1 with its port, or set AUTH.",
      );
    }
    if (
      origin === undefined ||
      allowed.has(origin) ||
      routeOptions.config.origins?.includes(origin) === true
    )
      return;
    if (!URL.canParse(origin) || new URL(origin).host !== host)
      throw new HaystackError(
        "FORBIDDEN",
        "Pages of other web sites may not use this server; add the site to CORS_ORIGINS to allow it.",
      );
  };
}
