import { FETCHED_SHARD } from "../../science/atlas/write-shard.ts";
import type { ObjectStore } from "../../services/objects/index.ts";

/** How large the shards of an atlas are that the store will hold. */
export const shardsFor = ({ isElsewhere }: ObjectStore): { readonly shardValues?: number } =>
  isElsewhere ? { shardValues: FETCHED_SHARD } : {};
