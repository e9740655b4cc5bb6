import http from "node:http";
import { configInvalid } from "../errors.ts";

/**
 * Proxies by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or small letters, for everything that
 * calls out: fetch and Node's own requests (language model, literature, look-ups, registries, mail),
 * and Google's clients, each of which reads other names. MongoDB is reached without.
 */
const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] as const;

/** No proxy reaches this machine, nor who tells a machine of Google's what account it has. */
const NEVER = [
  "localhost",
  "127.0.0.1",
  "::1",
  "[::1]",
  "metadata.google.internal",
  "169.254.169.254",
];

type Environment = Record<string, string | undefined>;

/** What each name is set to; undefined where there is no proxy. Error CONFIG_INVALID. */
export function proxyVariables(environment: Environment): Record<string, string> | undefined {
  const valueOf = (name: string): string => {
    const [capital = "", small = ""] = [environment[name], environment[name.toLowerCase()]];
    return capital.trim() === "" ? small.trim() : capital.trim();
  };
  const [plain = "", secure = "", exceptions = ""] = NAMES.map(valueOf);
  if (plain === "" && secure === "") return undefined;
  const wrong = NAMES.slice(0, 2).filter((name) => !isProxy(valueOf(name)));
  if (wrong.length > 0)
    throw configInvalid(
      wrong.map((name) => `${name} (must be an address such as http://proxy.example.org:3128)`),
    );
  const listed = exceptions.split(",").map((host) => host.trim());
  const values: Record<string, string> = {
    HTTP_PROXY: plain,
    HTTPS_PROXY: secure,
    NO_PROXY: [...new Set([...listed, ...NEVER])].filter((host) => host !== "").join(","),
  };
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== "")
      .flatMap(([name, value]) => [
        [name, value],
        [name.toLowerCase(), value],
      ]),
  );
}

/** For this process and those that it starts. Error CONFIG_INVALID. */
export function useProxies(): void {
  const values = proxyVariables(process.env);
  if (values === undefined) return;
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- Node 24.14 and newer have it
  if (http.setGlobalProxyFromEnv === undefined)
    throw configInvalid([
      `HTTPS_PROXY (needs Node 24.14 or newer, and this is Node ${process.versions.node})`,
    ]);
  Object.assign(process.env, values);
  http.setGlobalProxyFromEnv(values);
}

const isProxy = (value: string): boolean =>
  value === "" || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol));
