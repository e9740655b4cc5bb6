import { isLoopback } from "../../config.ts";
import { HaystackError } from "../../errors.ts";

export interface ServerAddress {
  /** Without a slash at the end; a path of a proxy is kept. */
  readonly url: string;
  readonly token: string | undefined;
}

/** Error USAGE: no address of a server, or a token that others could read on its way. */
export function serverAddress(
  text: string,
  token: string | undefined,
  allowsInsecure: boolean,
): ServerAddress {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new HaystackError(
      "USAGE",
      "The server's address is not a URL; write it like https://haystack.example.org, with the path if a proxy adds one.",
    );
  }
  if (url.username !== "" || url.password !== "")
    throw new HaystackError(
      "USAGE",
      "The server's address contains a user name or password; remove it and put a token in HAYSTACK_TOKEN.",
    );
  if (
    url.protocol === "http:" &&
    token !== undefined &&
    !allowsInsecure &&
    !isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"))
  ) {
    throw new HaystackError(
      "USAGE",
      `The token would be sent unencrypted to ${url.host}; use https, or allow it with --insecure-http or HAYSTACK_INSECURE_HTTP=1.`,
    );
  }
  return { url: `${url.origin}${url.pathname.replace(/\/+$/, "")}`, token };
}
