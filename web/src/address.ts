import { useEffect, useMemo, useState } from "preact/hooks";

/**
 * Where the user is stands behind the # of the address, so that links and the buttons of the browser
 * work under whatever path the daemon is served: `#/runs?status=failed`, `#/runs/ID`.
 */
export interface Where {
  readonly path: readonly string[];
  readonly search: URLSearchParams;
}

function whereOf(hash: string): Where {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return {
    path: path
      .split("/")
      .filter((part) => part !== "")
      .map(decoded),
    search: new URLSearchParams(search),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function link(
  path: readonly string[],
  search: Readonly<Record<string, string | undefined>> | URLSearchParams = {},
): string {
  const asked =
    search instanceof URLSearchParams
      ? search
      : new URLSearchParams(
          Object.entries(search).filter(
            (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "",
          ),
        );
  const text = asked.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`;
}

export function go(address: string, { instead = false } = {}): void {
  if (instead) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else location.hash = address;
}

export function useWhere(): Where {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const look = (): void => setHash(location.hash);
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  return useMemo(() => whereOf(hash), [hash]);
}
