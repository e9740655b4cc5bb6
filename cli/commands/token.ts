import type { Command } from "commander";
import { z } from "zod";
import { readConfig } from "../configuration.ts";
import { HaystackError } from "../../errors.ts";
import { ROLES, type AccessToken, type Role } from "../../services/access/index.ts";
import type { CommandAudit } from "../audited.ts";
import { print, table } from "../output.ts";
import type { CommonOptions } from "../common.ts";

const LONGEST_DAYS = 3_650;

async function withTokens<Result>(
  options: CommonOptions,
  work: (audit: CommandAudit) => Promise<Result>,
): Promise<Result> {
  const { withAudit } = await import("../audited.ts");
  return withAudit(readConfig(options.dataDir), work);
}

const iso = (time: number): string => new Date(time).toISOString();

/** Times as in all other JSON. */
const shown = ({ created_at, expires_at, revoked_at, ...token }: AccessToken) => ({
  ...token,
  created_at: iso(created_at),
  expires_at: iso(expires_at),
  revoked_at: revoked_at === null ? null : iso(revoked_at),
});

const stateOf = ({ revoked_at, expires_at }: AccessToken): string =>
  revoked_at !== null ? "revoked" : expires_at <= Date.now() ? "expired" : "valid";

function checked({
  owner,
  role,
  days,
}: {
  readonly owner: string;
  readonly role: string;
  readonly days: string;
}): { readonly owner: string; readonly role: Role; readonly days: number } {
  if (!z.email().safeParse(owner).success)
    throw new HaystackError("USAGE", "--owner must be the e-mail address of the token's owner.");
  const known = ROLES.find((name) => name === role);
  if (known === undefined)
    throw new HaystackError("USAGE", `--role must be ${ROLES.join(" or ")}.`);
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > LONGEST_DAYS)
    throw new HaystackError("USAGE", `--days must be a whole number from 1 to ${LONGEST_DAYS}.`);
  return { owner, role: known, days: count };
}

export function addTokenCommands(program: Command): void {
  const token = program.command("token").description("Manage bearer tokens for AUTH=token.");

  token
    .command("create")
    .description("Create a token and show it, this one time.")
    .requiredOption(
      "--owner <e-mail>",
      "address of the owner, whose runs the token gives access to",
    )
    .option("--role <role>", ROLES.join(" or "), "user")
    .option("--days <n>", "days until it expires", "90")
    .action(
      async (
        options: CommonOptions & {
          readonly owner: string;
          readonly role: string;
          readonly days: string;
        },
      ) => {
        const wanted = checked(options);
        const { issueToken } = await import("../../server/access/tokens.ts");
        const issued = await withTokens(options, ({ access, record }) =>
          record("token.create", wanted.owner.toLowerCase(), async () => {
            const made = await issueToken(access, { ...wanted, now: Date.now() });
            // Whoever looks for the token finds its making.
            await record("token.create", made.token.id, async () => undefined);
            return made;
          }),
        );
        print(
          options.json === true,
          { ...shown(issued.token), token: issued.secret },
          `${issued.secret}\n\nSave it now: it is not shown again. Token ${issued.token.id} of ${issued.token.owner} is valid until ${iso(issued.token.expires_at)}.`,
        );
      },
    );

  token
    .command("list")
    .description("List all tokens, without their secrets.")
    .action(async (options: CommonOptions) => {
      const tokens = await withTokens(options, ({ access }) => access.listTokens());
      const rows = tokens.map((each) => [
        each.id,
        each.owner,
        each.role,
        stateOf(each),
        iso(each.expires_at),
      ]);
      print(
        options.json === true,
        { tokens: tokens.map(shown) },
        tokens.length === 0
          ? "There are no tokens yet."
          : table(["token", "owner", "role", "state", "expires"], rows),
      );
    });

  token
    .command("revoke")
    .description("Revoke a token, with immediate effect.")
    .argument("<token-id>")
    .action(async (id: string, options: CommonOptions) => {
      const revoked = await withTokens(options, ({ access, record }) =>
        record("token.revoke", id, async () => {
          const stands = await access.revokeToken(id, Date.now());
          if (stands !== undefined) return stands;
          throw new HaystackError(
            "TOKEN_NOT_FOUND",
            `There is no token ${id}; list the tokens with \`haystack token list\`.`,
          );
        }),
      );
      print(
        options.json === true,
        shown(revoked),
        `Token ${revoked.id} of ${revoked.owner} is revoked.`,
      );
    });
}
