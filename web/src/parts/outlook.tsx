import type { JSX } from "preact";
import { post } from "../api/client.ts";
import type { CheckBody } from "../checks.ts";
import { useLoaded } from "../loading.ts";

/** What accuracy may be expected before anything is spent, by the atlas. */
export function Outlook({ body }: { readonly body: NonNullable<CheckBody> }): JSX.Element {
  const outlook = useLoaded(
    (signal) => post("/api/v1/questions/outlook", { body, signal }),
    [JSON.stringify(body)],
  );
  return (
    <dl class="facts">
      <dt>Expected accuracy</dt>
      <dd>
        {outlook.content === undefined
          ? (outlook.refusal?.message ?? "Estimating …")
          : (outlook.content.expected_accuracy_in_words ?? "unknown")}
        {outlook.content?.expected_accuracy?.known === true && (
          <span class="hint"> correlation with a measured response, of the first iteration</span>
        )}
      </dd>
    </dl>
  );
}
