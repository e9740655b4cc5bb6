import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { request, type Refusal, type Result } from "../api/client.ts";
import { refusalOf } from "../loading.ts";
import { bytes } from "../words.ts";
import { Notice } from "./notice.tsx";

export type ResultFile = Result["files"][number];

const KINDS: Readonly<Record<ResultFile["kind"], string>> = {
  anndata: "Predictions (AnnData)",
  report: "Report",
  findings: "Findings of the report, for programs",
  log: "Log",
};

const isElsewhere = ({ url }: ResultFile): boolean => /^https?:/.test(url);

/** Saves what only the signed-in may have: a plain link would not carry the token. */
async function save({ name, url }: ResultFile): Promise<void> {
  const content = URL.createObjectURL(await (await request(url)).blob());
  Object.assign(document.createElement("a"), { href: content, download: name }).click();
  URL.revokeObjectURL(content);
}

export function Files({ files }: { readonly files: readonly ResultFile[] }): JSX.Element {
  const [saving, setSaving] = useState<string>();
  const [refusal, setRefusal] = useState<Refusal>();
  const onSave = (file: ResultFile): void => {
    setSaving(file.name);
    setRefusal(undefined);
    save(file)
      .catch((thrown: unknown) => setRefusal(refusalOf(thrown)))
      .finally(() => setSaving(undefined));
  };
  return (
    <section aria-labelledby="files-title">
      <h2 id="files-title">Files</h2>
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
      <ul class="files">
        {files.map((file) => (
          <li key={file.name}>
            <span>{KINDS[file.kind]}</span>
            {file.bytes === null ? (
              <span>{file.name}: gone</span>
            ) : isElsewhere(file) ? (
              <a class="button" href={file.url} download={file.name}>
                {file.name}
              </a>
            ) : (
              <button type="button" disabled={saving === file.name} onClick={() => onSave(file)}>
                {saving === file.name ? "Saving …" : file.name}
              </button>
            )}
            {file.bytes !== null && <span class="hint">{bytes(file.bytes)}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
