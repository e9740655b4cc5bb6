import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { hasToken } from "./api/client.ts";
import { Notice } from "./parts/notice.tsx";

const way = document.documentElement.dataset["signIn"];

/** The field for a token, or what to do where others say who asks. */
export function SignIn({
  why,
  onToken,
}: {
  readonly why: string;
  readonly onToken: (token: string) => void;
}): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  if (way !== "token")
    return (
      <Notice kind="bad" title="You are not signed in">
        {why}{" "}
        <button type="button" onClick={() => location.reload()}>
          Load again
        </button>
      </Notice>
    );
  return (
    <section class="card sign-in" aria-labelledby="sign-in-title">
      <h1 id="sign-in-title">Sign in</h1>
      {hasToken() && <p role="alert">{why}</p>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const token = field.current?.value.trim() ?? "";
          if (token !== "") onToken(token);
        }}
      >
        <label for="token">Token</label>
        <input
          id="token"
          ref={field}
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder="hs_..."
          aria-describedby="token-hint"
          required
        />
        <button type="submit" class="main">
          Sign in
        </button>
      </form>
      <p id="token-hint" class="hint">
        The operator makes tokens with <code>haystack token create</code>. This tab keeps yours
        until it is closed.
      </p>
    </section>
  );
}
