import type { Sql } from "./statements.ts";

/** The statements behind what daemons decide on together. */

export const sharedOperations = ({ first, change }: Sql) => ({
  sharedGet: (name: string): { readonly revision: number; readonly value: string } | undefined =>
    first("SELECT revision, value FROM shared WHERE name = ?", name),
  sharedReplace: (name: string, revision: number, value: string): boolean =>
    (revision === 0
      ? change(
          "INSERT INTO shared (name, revision, value) VALUES (?, 1, ?) ON CONFLICT (name) DO NOTHING",
          name,
          value,
        )
      : change(
          "UPDATE shared SET revision = revision + 1, value = ? WHERE name = ? AND revision = ?",
          value,
          name,
          revision,
        )) === 1,
});
