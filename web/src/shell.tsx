import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { go, link, useWhere, type Where } from "./address.ts";
import { get, hasToken, keepToken, whenSignedOut } from "./api/client.ts";
import { useLoaded } from "./loading.ts";
import { LostConnection, Notice, Waiting } from "./parts/notice.tsx";
import { AskPage } from "./pages/ask.tsx";
import { AtlasPage } from "./pages/atlas.tsx";
import { ComparePage } from "./pages/compare.tsx";
import { InspectorPage } from "./pages/inspector.tsx";
import { OperationsPage } from "./pages/operations.tsx";
import { RunPage } from "./pages/run.tsx";
import { RunsPage } from "./pages/runs.tsx";
import { SessionContext } from "./session.tsx";
import { SignIn } from "./sign-in.tsx";

const PAGES = [
  ["", "Ask"],
  ["runs", "Runs"],
  ["atlas", "Atlas"],
  ["operations", "Operations"],
  ["inspector", "Inspector"],
] as const;
/** What only administrators are shown. */
const FOR_ADMINISTRATORS: ReadonlySet<string> = new Set(["operations", "inspector"]);

function pageOf({ path, search }: Where): { readonly title: string; readonly page: JSX.Element } {
  const [name, id] = path;
  if (name === undefined) return { title: "Ask", page: <AskPage search={search} /> };
  if (name === "atlas") return { title: "Atlas", page: <AtlasPage /> };
  if (name === "operations") return { title: "Operations", page: <OperationsPage /> };
  if (name === "inspector")
    return { title: "Inspector", page: <InspectorPage id={id} search={search} /> };
  if (name === "compare")
    return { title: "Compare runs", page: <ComparePage ids={search.getAll("id")} /> };
  if (name === "runs" && id !== undefined)
    return { title: "Run", page: <RunPage key={id} id={id} /> };
  return { title: "Runs", page: <RunsPage search={search} /> };
}

/** A fault of the page is told in place of the page, and the rest stays usable. */
class Fence extends Component<{ readonly children: ComponentChildren }, { fault?: Error }> {
  override state: { fault?: Error } = {};

  override componentDidCatch(fault: Error): void {
    this.setState({ fault });
  }

  render(): ComponentChildren {
    const { fault } = this.state;
    if (fault === undefined) return this.props.children;
    return (
      <Notice kind="bad" title="This page has a fault of ours">
        {fault.message} Load the page again; your runs are not affected.
      </Notice>
    );
  }
}

/** Links of mails are `/run#ID`, earlier ones of the inspector `/inspector#ID`; the window has them elsewhere. */
const KNOWN = new Set(["runs", "atlas", "compare", "operations", "inspector"]);
function useOldLinks({ path }: Where): void {
  const [first] = path;
  useEffect(() => {
    const isInspector = location.search === "?inspector";
    if (isInspector) history.replaceState(null, "", location.pathname + location.hash);
    if (isInspector && first === undefined) go(link(["inspector"]), { instead: true });
    if (first !== undefined && !KNOWN.has(first))
      go(link([isInspector ? "inspector" : "runs", first]), { instead: true });
  }, [first]);
}

export function Shell(): JSX.Element {
  const where = useWhere();
  const [signedOut, setSignedOut] = useState<string>();
  const [turn, setTurn] = useState(0);
  useOldLinks(where);
  useEffect(() => whenSignedOut(setSignedOut), []);
  const session = useLoaded((signal) => get("/api/v1/session", { signal }), [turn]);
  const { title, page } = pageOf(where);
  const heading = useRef<HTMLElement>(null);
  const address = where.path.join("/");
  const shown = useRef(address);
  useEffect(() => {
    document.title = `${title} · HAYSTACK`;
    // Who moves to another page by keyboard or screen reader begins at its top.
    if (shown.current !== address) heading.current?.focus({ preventScroll: true });
    shown.current = address;
  }, [title, address]);

  const signIn = (token: string): void => {
    keepToken(token);
    setSignedOut(undefined);
    setTurn((before) => before + 1);
  };
  const signOut = (): void => {
    keepToken(null);
    setSignedOut("You have signed out.");
  };

  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          heading.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={link([])}>
          HAYSTACK
        </a>
        <nav aria-label="Pages">
          {PAGES.filter(
            ([name]) => !FOR_ADMINISTRATORS.has(name) || session.content?.role === "admin",
          ).map(([name, words]) => (
            <a
              key={name}
              href={link(name === "" ? [] : [name])}
              aria-current={(where.path[0] ?? "") === name ? "page" : undefined}
            >
              {words}
            </a>
          ))}
        </nav>
        <div class="who">
          {session.content !== undefined && signedOut === undefined && (
            <>
              <span>{session.content.owner ?? "This machine"}</span>
              {session.content.role === "admin" && session.content.owner !== null && (
                <span class="tag">administrator</span>
              )}
              {hasToken() && (
                <button type="button" class="plain" onClick={signOut}>
                  Sign out
                </button>
              )}
            </>
          )}
        </div>
      </header>
      <main id="main" ref={heading} tabIndex={-1}>
        {signedOut === undefined ? (
          <>
            <LostConnection since={session.lostSince} why={session.refusal?.message} />
            {session.content === undefined ? (
              session.refusal === undefined ? (
                <Waiting what="your session" />
              ) : (
                session.lostSince === undefined && (
                  <Notice kind="bad" title="The window cannot be shown">
                    {session.refusal.message}
                  </Notice>
                )
              )
            ) : (
              <SessionContext.Provider value={session.content}>
                <Fence key={address}>{page}</Fence>
              </SessionContext.Provider>
            )}
          </>
        ) : (
          <SignIn why={signedOut} onToken={signIn} />
        )}
      </main>
      {session.content !== undefined && (
        <footer class="bottom">
          {session.content.software.name} {session.content.software.version}
        </footer>
      )}
    </>
  );
}
