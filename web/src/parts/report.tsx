import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { place, request, type Refusal } from "../api/client.ts";
import { fileOnServer } from "../findings.ts";
import { refusalOf } from "../loading.ts";
import type { ResultFile } from "./files.tsx";
import { Notice, Waiting } from "./notice.tsx";

/** The report inside the page, read when it is wished for. */
export function Report({
  runId,
  file,
}: {
  readonly runId: string;
  readonly file: ResultFile;
}): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const [html, setHtml] = useState<string>();
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    const ended = new AbortController();
    const read = async (): Promise<void> => {
      try {
        const path = fileOnServer(runId, file.name);
        const text = await (await request(path, { signal: ended.signal })).text();
        if (!ended.signal.aborted) setHtml(text);
      } catch (thrown) {
        if (!ended.signal.aborted) setRefusal(refusalOf(thrown));
      }
    };
    if (isOpen && html === undefined) {
      setRefusal(undefined);
      void read();
    }
    return () => ended.abort();
  }, [isOpen, html === undefined, runId, file.name]);
  return (
    <details class="report" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Report</summary>
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      {isOpen && html === undefined && refusal === undefined && <Waiting what="the report" />}
      {html !== undefined && <Framed html={html} />}
    </details>
  );
}

/**
 * A document of no origin, which reaches neither this page nor the network. It says when it is there,
 * and is handed the report.
 */
function Framed({ html }: { readonly html: string }): JSX.Element {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const hand = ({ source, data }: MessageEvent): void => {
      const window = frame.current?.contentWindow;
      if (data === "ready" && window != null && source === window) window.postMessage(html, "*");
    };
    addEventListener("message", hand);
    return () => removeEventListener("message", hand);
  }, [html]);
  return (
    <iframe
      ref={frame}
      class="report-place"
      title="Report"
      src={place("window/report")}
      sandbox="allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
    />
  );
}
