import type { ComponentChildren, JSX } from "preact";
import { useNow } from "../loading.ts";
import { lasting, time } from "../words.ts";

export type NoticeKind = "bad" | "note" | "good";

const SIGNS: Readonly<Record<NoticeKind, string>> = { bad: "!", note: "i", good: "✓" };

export function Notice({
  kind,
  title,
  children,
}: {
  readonly kind: NoticeKind;
  readonly title?: string | undefined;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <span class="sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      <div>
        {title !== undefined && <strong>{title}</strong>}
        {title !== undefined && children !== undefined && " "}
        {children}
      </div>
    </div>
  );
}

/** That something is being read; shown only when that takes a moment. */
export const Waiting = ({ what }: { readonly what: string }): JSX.Element => (
  <p class="waiting" role="status">
    Reading {what} …
  </p>
);

export const Empty = ({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}): JSX.Element => (
  <div class="empty">
    <strong>{title}</strong>
    {children !== undefined && <p>{children}</p>}
  </div>
);

/** Says that what is shown may be old, and since when. */
export function LostConnection({
  since,
  why,
}: {
  readonly since: number | undefined;
  readonly why?: string | undefined;
}): JSX.Element | null {
  const now = useNow();
  if (since === undefined) return null;
  return (
    <Notice kind="bad" title="The connection is lost.">
      {why === undefined || why.startsWith("The daemon cannot")
        ? "The daemon cannot be reached"
        : why}{" "}
      since {time(since)} ({lasting(now - since)}); trying again. What is shown may be old.
    </Notice>
  );
}
