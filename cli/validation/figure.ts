/** Null: it could not be told. */
export type Figure = number | null;
