import type { JSX } from "preact";
import { link } from "../address.ts";
import { post } from "../api/client.ts";
import type { Act, Operations } from "../operations.ts";
import { time, words } from "../words.ts";

export function MailNotDelivered({
  mails,
  act,
}: {
  readonly mails: Operations["outbox"]["mails"];
  readonly act: Act;
}): JSX.Element {
  return (
    <section aria-labelledby="mail-title">
      <h2 id="mail-title">Mail that was rejected</h2>
      {mails.length === 0 ? (
        <p>None.</p>
      ) : (
        <ul class="files">
          {mails.map(({ run_id, mail }) => (
            <li key={run_id + mail.key}>
              <a href={link(["runs", run_id])}>{run_id}</a>
              <span>
                {words(mail.kind)}: {mail.problem ?? "no reason was given"}
              </span>
              <button
                type="button"
                onClick={() =>
                  act(() =>
                    post("/admin/runs/{id}/outbox/{key}/resend", {
                      named: { id: run_id, key: mail.key },
                    }),
                  )
                }
              >
                Send it again
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function AuditLog({
  entries,
}: {
  readonly entries: Operations["audit"]["entries"];
}): JSX.Element {
  return (
    <section aria-labelledby="audit-title">
      <h2 id="audit-title">What administrators did last</h2>
      {entries.length === 0 ? (
        <p>Nothing yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Audit log">
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Who</th>
                <th scope="col">Action</th>
                <th scope="col">On</th>
                <th scope="col">Outcome</th>
              </tr>
            </thead>
            <tbody>
              {entries.map(({ id, at, who, action, target, outcome }) => (
                <tr key={id}>
                  <td>
                    <time dateTime={at}>{time(at)}</time>
                  </td>
                  <td>{who}</td>
                  <td>{action}</td>
                  <td>{target}</td>
                  <td>{outcome}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
