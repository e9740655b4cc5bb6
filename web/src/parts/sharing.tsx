import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { put, remove, type Refusal, type Run } from "../api/client.ts";
import { refusalOf } from "../loading.ts";
import { useSession } from "../session.tsx";
import { Notice } from "./notice.tsx";

const PATH = "/api/v1/runs/{id}/shares/{user}";

/** Who else may read a run, for those who decide it. */
export function Sharing({ run }: { readonly run: Run }): JSX.Element | null {
  const session = useSession();
  const [changed, setChanged] = useState<readonly string[]>();
  const [user, setUser] = useState("");
  const [said, setSaid] = useState<string>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [isBusy, setBusy] = useState(false);
  if (session.owner === null || run.shared_with === undefined) return null;
  const readers = changed ?? run.shared_with;

  const change = async (way: "share" | "take back", whom: string): Promise<void> => {
    const asked = { named: { id: run.run_id, user: whom } };
    setBusy(true);
    setSaid(undefined);
    setRefusal(undefined);
    try {
      const { shares } = await (way === "share" ? put(PATH, asked) : remove(PATH, asked));
      setChanged(shares.map((share) => share.user));
      setUser("");
      setSaid(
        way === "share"
          ? `Whoever signs in as ${whom} may now read this run.`
          : `${whom} may no longer read this run.`,
      );
    } catch (thrown) {
      setRefusal(refusalOf(thrown));
    }
    setBusy(false);
  };

  return (
    <section aria-labelledby="sharing-title" class="sharing">
      <h2 id="sharing-title">Who sees it</h2>
      <p class="hint">
        {run.user_email ?? "Its owner"} and the administrators
        {readers.length === 0 ? ", nobody else." : ", and to read only:"}
      </p>
      {readers.length > 0 && (
        <ul class="readers">
          {readers.map((reader) => (
            <li key={reader} class="row">
              <span>{reader}</span>
              <button
                type="button"
                aria-label={`Take back from ${reader}`}
                disabled={isBusy}
                onClick={() => void change("take back", reader)}
              >
                Take back
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        class="row"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (user.trim() !== "") void change("share", user.trim());
        }}
      >
        <label>
          Share with
          <input
            type="email"
            autocomplete="off"
            maxLength={254}
            placeholder="e-mail address"
            value={user}
            onInput={(event) => setUser(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={isBusy || user.trim() === ""}>
          Share
        </button>
      </form>
      {said !== undefined && <Notice kind="good">{said}</Notice>}
      {refusal !== undefined && <Notice kind="bad">{refusal.message}</Notice>}
    </section>
  );
}
