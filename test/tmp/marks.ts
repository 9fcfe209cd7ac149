import { bundleInit } from '/work/wt-sandbox/test/support/containers.ts'; import { shellSpec } from '/work/wt-sandbox/test/support/specs.ts';
import { makeBusyboxRoot } from '/work/wt-sandbox/test/support/busybox-rootfs.ts';
import { launch } from '/work/wt-sandbox/src/sandbox/launch.ts';
import { libc } from '/work/wt-sandbox/src/linux/libc.ts';
import { openSync } from 'node:fs';
const root = makeBusyboxRoot();
const sys: any = libc();
const marks: [string, bigint][] = [];
const calls = new Map<string, number>();
for (const k of Object.keys(sys)) { const f = sys[k]; sys[k] = (...a: unknown[]) => { const t=process.hrtime.bigint(); try { return f(...a); } finally { const d = Number(process.hrtime.bigint()-t)/1e6; calls.set(k,(calls.get(k)??0)+d); count.set(k,(count.get(k)??0)+1); } }; }
const count = new Map<string, number>();
const nul = openSync('/dev/null','r+');
const N=100;
let tot=0n;
for (let i=0;i<N+20;i++) { if(i===20){calls.clear();count.clear();tot=0n;} const overlay=root.overlay(); const t=process.hrtime.bigint(); const r=await launch(shellSpec('',{process:{args:['true']}}),{overlay,mechanism:'vfork',stdio:{kind:'fds',stdin:nul,stdout:nul,stderr:nul}}); tot+=process.hrtime.bigint()-t; await r.wait(); }
console.log('launch avg', Number(tot)/1e6/N);
for (const [k,v] of [...calls].sort((a,b)=>b[1]-a[1])) console.log(k.padEnd(20), (v/N).toFixed(3), 'ms', (count.get(k)!/N).toFixed(1));
root.remove(); process.exit();
