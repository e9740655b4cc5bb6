import { openSqliteRuns } from "./services/runs/sqlite.ts";
import { steeredRun } from "./tests/support/model/steered-run.ts";
import { followPath } from "./tests/support/model/follow-path.ts";
import { runPaths } from "./tests/support/model/run-paths.ts";
import { inferenceJobPaths, stopJobsPaths } from "./tests/support/model/job-paths.ts";
import { rmSync } from "node:fs";
rmSync("/tmp/zz.sqlite",{force:true}); rmSync("/tmp/zz.sqlite-wal",{force:true});
const store = await openSqliteRuns({ file: "/tmp/zz.sqlite" });
const paths=[...runPaths(),...inferenceJobPaths(),...stopJobsPaths()];
let n=0; const t=performance.now();
for (const [i,p] of paths.entries()) { const run=await steeredRun(store,`r-${i}`);
 try { const s=performance.now(); const e=await followPath(run,p); n++; console.log(i,Math.round(performance.now()-s),"ok",e.document.status,e.mails.join(), run.violations.join()); } catch(err) { console.log(i,p.name, (err as Error).message.slice(0,700)); } }
console.log(n,paths.length,performance.now()-t);
await store.close();
