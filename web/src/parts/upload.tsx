import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, type Inspection, type Refusal, type Upload } from "../api/client.ts";
import { refusalOf, useLoaded, useNow } from "../loading.ts";
import {
  asOnPage,
  importAs,
  inspect,
  isThrownAway,
  sendFile,
  throwAway,
  type Answers,
} from "../uploading.ts";
import { count, lasting } from "../words.ts";
import { ImportQuestions } from "./import-questions.tsx";
import { Notice } from "./notice.tsx";

const LOOK_MS = 1_000;
const MB = 1_000_000;

/** A file on its way to become an atlas, for administrators. `onImported` is told the atlas. */
export function UploadAtlas({
  onImported,
}: {
  readonly onImported: (dataset: string) => void;
}): JSX.Element {
  const { content, again } = useLoaded((signal) => get("/admin/uploads", { signal }), [], {
    everyMs: LOOK_MS,
  });
  const [file, setFile] = useState<File>();
  const [sending, setSending] = useState<Upload>();
  const [refusal, setRefusal] = useState<Refusal>();
  const ended = useRef<AbortController | undefined>(undefined);
  const input = useRef<HTMLInputElement>(null);
  // A page that is left sends no more.
  useEffect(() => () => ended.current?.abort(), []);

  const send = async (): Promise<void> => {
    if (file === undefined) return;
    ended.current = new AbortController();
    const { signal } = ended.current;
    setRefusal(undefined);
    try {
      await sendFile(file, signal, setSending);
      setFile(undefined);
      if (input.current !== null) input.current.value = "";
    } catch (thrown) {
      if (!signal.aborted) setRefusal(refusalOf(thrown));
    }
    setSending(undefined);
    again();
  };
  const standing = (content?.uploads ?? []).filter(
    ({ id, state }) => id !== sending?.id && state !== "receiving",
  );

  return (
    <section aria-labelledby="upload-title" class="card upload">
      <h2 id="upload-title">Add an atlas</h2>
      {sending === undefined ? (
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <label>
            AnnData file (.h5ad)
            <input
              ref={input}
              type="file"
              accept=".h5ad"
              onChange={(event) => setFile(event.currentTarget.files?.[0])}
            />
          </label>
          <button type="submit" class="main" disabled={file === undefined}>
            Upload
          </button>
        </form>
      ) : (
        <div class="row" role="status">
          <label>
            {sending.name}: {count(Math.floor(sending.received / MB))} of{" "}
            {count(Math.ceil(sending.bytes / MB))} MB
            <progress value={sending.received} max={sending.bytes} />
          </label>
          <button type="button" onClick={() => ended.current?.abort()}>
            Stop
          </button>
        </div>
      )}
      {refusal !== undefined && <Notice kind="bad">{asOnPage(refusal.message)}</Notice>}
      {standing.map((upload) => (
        <Standing
          key={upload.id}
          upload={upload}
          again={again}
          onImported={onImported}
          onThrownAway={setRefusal}
        />
      ))}
    </section>
  );
}

/** A file that is whole: what it asks, how its import goes, and what became of it. */
function Standing({
  upload,
  again,
  onImported,
  onThrownAway,
}: {
  readonly upload: Upload;
  readonly again: () => void;
  readonly onImported: (dataset: string) => void;
  /** Told why, as nothing here is left to tell it. */
  readonly onThrownAway: (why: Refusal) => void;
}): JSX.Element {
  const now = useNow();
  const [inspection, setInspection] = useState<Inspection>();
  const [refusal, setRefusal] = useState<Refusal>();
  const { id, name, state, dataset } = upload;
  const isAsking = state === "received";
  const told = (thrown: unknown): void => {
    const why = refusalOf(thrown);
    (isThrownAway(why) ? onThrownAway : setRefusal)(why);
    again();
  };
  useEffect(() => {
    if (isAsking && inspection === undefined) inspect(id).then(setInspection, told);
  }, [isAsking]);
  useEffect(() => {
    if (state === "imported" && dataset !== null) onImported(dataset);
  }, [state]);
  const answer = (answers: Answers): void => {
    setRefusal(undefined);
    importAs(id, answers).then(again, told);
  };
  return (
    <article data-upload={state} aria-label={name}>
      {refusal !== undefined && <Notice kind="bad">{asOnPage(refusal.message)}</Notice>}
      {upload.error !== null && (
        <Notice kind="bad" title="It was not imported.">
          {asOnPage(upload.error.message)}
        </Notice>
      )}
      {isAsking && inspection === undefined && refusal === undefined && (
        <p class="waiting" role="status">
          Looking into {name} …
        </p>
      )}
      {inspection !== undefined && state !== "imported" && (
        <div hidden={!isAsking}>
          <ImportQuestions upload={upload} inspection={inspection} onAnswers={answer} />
        </div>
      )}
      {state === "importing" && (
        <p role="status">
          {name} becomes the atlas {dataset}, in a process of its own, since{" "}
          {lasting(Math.max(0, now - Date.parse(upload.since)))}.
        </p>
      )}
      {state === "imported" && (
        <Notice kind="good">
          {name} is now the atlas {dataset}.
        </Notice>
      )}
      <button type="button" onClick={() => void throwAway(id).then(again, told)}>
        {state === "imported"
          ? "Done"
          : state === "importing"
            ? "Stop the import"
            : "Throw the file away"}
      </button>
    </article>
  );
}
