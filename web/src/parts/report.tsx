import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { request, type Refusal } from "../api/client.ts";
import { refusalOf } from "../loading.ts";
import type { ResultFile } from "./files.tsx";
import { Notice, Waiting } from "./notice.tsx";

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { readonly createHTML: (html: string) => string },
  ): { createHTML(html: string): string };
}

/**
 * A report is read as a document that runs nothing; its style holds in its own place alone. What
 * the policy of the window forbids (scripts, what is loaded) stays forbidden in it.
 */
const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy(
  "report",
  { createHTML: (html) => html },
);

function show(place: HTMLElement, html: string): void {
  // As an element of style it would count as inline style, even in a document that is not shown.
  const inert = html.replaceAll(/<(\/?)style\b/gi, "<$1template");
  const report = new DOMParser().parseFromString(trusted?.createHTML(inert) ?? inert, "text/html");
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  const style = [...report.querySelectorAll("template")]
    .map(({ content }) => content.textContent)
    .join("\n");
  sheet.replaceSync(style.replaceAll(/(^|\s)(:root|body)(?=\s*\{)/g, "$1:host"));
  root.adoptedStyleSheets = [sheet];
  asPart(report);
  root.replaceChildren(
    ...[...report.body.childNodes].map((node) => document.importNode(node, true)),
  );
}

/** Inside the page the report is a part: the page's own landmarks are the ones to find. */
function asPart(report: Document): void {
  for (const main of report.querySelectorAll("main")) {
    const part = report.createElement("div");
    part.className = main.className;
    part.replaceChildren(...main.childNodes);
    main.replaceWith(part);
  }
  for (const part of report.querySelectorAll("section, [role=region], nav, aside, footer"))
    part.setAttribute("role", "group");
}

/** The report inside the page, read when it is wished for. */
export function Report({ file }: { readonly file: ResultFile }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const [isShown, setShown] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const ended = new AbortController();
    const read = async (): Promise<void> => {
      const path = `/api/v1/runs/${runOf(file)}/files/${encodeURIComponent(file.name)}`;
      try {
        const html = await (await request(path, { signal: ended.signal })).text();
        if (place.current === null || ended.signal.aborted) return;
        show(place.current, html);
        setShown(true);
      } catch (thrown) {
        if (!ended.signal.aborted) setRefusal(refusalOf(thrown));
      }
    };
    if (isOpen && !isShown) {
      setRefusal(undefined);
      void read();
    }
    return () => ended.abort();
  }, [isOpen, isShown, file.name]);
  return (
    <details class="report" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Report</summary>
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      {isOpen && !isShown && refusal === undefined && <Waiting what="the report" />}
      <div ref={place} class="report-place" />
    </details>
  );
}

const ENDING = /_report\.html$/;
const runOf = ({ name }: ResultFile): string => encodeURIComponent(name.replace(ENDING, ""));
