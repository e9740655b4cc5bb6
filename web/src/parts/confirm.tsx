import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Asks before something that cannot be taken back; Escape means no. */
export function Confirm({
  title,
  yes,
  children,
  onAnswer,
}: {
  readonly title: string;
  readonly yes: string;
  readonly children?: ComponentChildren;
  readonly onAnswer: (isYes: boolean) => void;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby="confirm-title"
      onCancel={(event) => {
        event.preventDefault();
        onAnswer(false);
      }}
    >
      <h2 id="confirm-title">{title}</h2>
      {children}
      <div class="actions">
        <button type="button" onClick={() => onAnswer(false)}>
          No
        </button>
        <button type="button" class="main" onClick={() => onAnswer(true)}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
