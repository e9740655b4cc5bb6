import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get } from "../api/client.ts";
import { useLoaded } from "../loading.ts";
import { count, money, plural } from "../words.ts";
import { LostConnection, Notice, Waiting } from "./notice.tsx";

const LOOK_MS = 60_000;
const DAYS = [1, 7, 30, 90, 366] as const;

interface Line {
  readonly name: string;
  readonly runs: number;
  readonly usd: number;
}

/** What runs have cost, by day, user and what was paid for. */
export function SpendingView(): JSX.Element {
  const [days, setDays] = useState(30);
  const { content, refusal, lostSince } = useLoaded(
    (signal) => get("/admin/spending", { asked: { days }, signal }),
    [days],
    { everyMs: LOOK_MS },
  );
  const total = content?.by_day.reduce((sum, { usd }) => sum + usd, 0) ?? 0;
  return (
    <section aria-labelledby="spending-title">
      <div class="row spread">
        <h2 id="spending-title">Money</h2>
        <label class="check">
          Runs asked in the last
          <select value={days} onChange={({ currentTarget: { value } }) => setDays(Number(value))}>
            {DAYS.map((each) => (
              <option key={each} value={each}>
                {plural(each, "day")}
              </option>
            ))}
          </select>
        </label>
      </div>
      <LostConnection since={lostSince} why={refusal?.message} />
      {content === undefined ? (
        refusal === undefined ? (
          <Waiting what="the costs" />
        ) : (
          lostSince === undefined && <Notice kind="bad">{refusal.message}</Notice>
        )
      ) : total === 0 ? (
        <p>Nothing was paid for.</p>
      ) : (
        <>
          <p>
            <strong>{money(total)}</strong> in all.
            {!content.is_whole && " Only the newest runs were counted; there are more."}
          </p>
          <div class="columns">
            <Shares
              title="Day"
              total={total}
              lines={content.by_day.map(({ day, ...share }) => ({ name: day, ...share }))}
            />
            <Shares
              title="User"
              total={total}
              lines={content.by_user.map(({ user_email, ...share }) => ({
                name: user_email ?? "without an address",
                ...share,
              }))}
            />
            <Shares
              title="Offer"
              total={total}
              lines={content.by_offer.map(({ offer, ...share }) => ({ name: offer, ...share }))}
            />
          </div>
        </>
      )}
    </section>
  );
}

function Shares({
  title,
  lines,
  total,
}: {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly total: number;
}): JSX.Element {
  return (
    <table class="shares" data-by={title}>
      <thead>
        <tr>
          <th scope="col">{title}</th>
          <th scope="col" class="number">
            Runs
          </th>
          <th scope="col" class="number">
            Cost
          </th>
          <td />
        </tr>
      </thead>
      <tbody>
        {lines.map(({ name, runs, usd }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{count(runs)}</td>
            <td class="number">{money(usd)}</td>
            <td class="change" aria-hidden="true">
              <span class="down" style={{ width: `${(100 * usd) / total}%` }} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
