import { openSqliteRuns } from "./services/runs/sqlite.ts";
import { runPaths } from "./tests/support/model/run-paths.ts";
import { planCells, runCells } from "./tests/support/model/crash-matrix.ts";
import { inferenceJobPaths, stopJobsPaths } from "./tests/support/model/job-paths.ts";
import { rmSync } from "node:fs";
for (const e of ["","-wal","-shm"]) rmSync("/tmp/zz.sqlite"+e,{force:true});
import { mkdtempSync } from "node:fs"; const dir=mkdtempSync("/tmp/zzs-");
const cells=planCells([...runPaths(),...inferenceJobPaths(),...stopJobsPaths()]);
console.log(cells.length, cells.reduce((n,c)=>n+c.crashes.length,0));
const t=performance.now(); let bad=0;
for (const [i,c] of cells.entries()) { const store=await openSqliteRuns({file:`${dir}/${i}.sqlite`}); const w=await runCells(store,`p${i}`,c); await store.close(); if(w.length){bad+=w.length; console.log(i,c.path.name); for(const x of w) console.log("   ",x.slice(0,600));} }
console.log(bad, performance.now()-t, process.cpuUsage());

