import { bundleInit } from '/work/wt-sandbox/test/support/containers.ts'; import { shellSpec } from '/work/wt-sandbox/test/support/specs.ts';
import { makeBusyboxRoot } from '/work/wt-sandbox/test/support/busybox-rootfs.ts';
import { launch } from '/work/wt-sandbox/src/sandbox/launch.ts';
import { defaultMounts } from '/work/wt-sandbox/src/sandbox/defaults.ts';
import { openSync } from 'node:fs';
const root = makeBusyboxRoot();
const rm = await bundleInit();
const nul = openSync('/dev/null','r+');
const med=(a:number[])=>{a=[...a].sort((x,y)=>x-y);return [a[0],a[a.length>>1],a[(a.length*9/10)|0]].map(x=>x!.toFixed(2)).join(' / ')};
import { readFileSync } from 'node:fs';
const cpu=()=>{const f=readFileSync('/proc/self/stat','utf8').split(') ')[1]!.split(' ');return (+f[11]!+ +f[12]!+ +f[13]!+ +f[14]!)*10};
async function bench(name: string, mechanism: 'vfork'|'reexec', n: number, change: object = {}, stdio: any = {kind:'fds',stdin:nul,stdout:nul,stderr:nul}) {
  const started: number[]=[], all: number[]=[]; let first=0; const c0=cpu();
  for (let i=0;i<n;i++){ const overlay=root.overlay();
    const spec=shellSpec('true',{process:{args:['true']}, ...change});
    const t=process.hrtime.bigint(); const r=await launch(spec,{overlay,mechanism,stdio}); r.stdout?.resume();r.stderr?.resume(); const s=process.hrtime.bigint(); const st=await r.wait(); const e=process.hrtime.bigint();
    if(st.code) throw new Error('code '+st.code); if(!i) first=Number(e-t)/1e6; started.push(Number(s-t)/1e6); all.push(Number(e-t)/1e6); }
  console.log(name.padEnd(34), 'first', first.toFixed(2), 'launch min/med/p90', med(started), ' to exit', med(all), ' cpu', ((cpu()-c0)/n).toFixed(2));
}
const N=+(process.argv[2]??60);
await bench('vfork default','vfork',N);
await bench('vfork default again','vfork',N);
await bench('vfork pipes','vfork',N,{},{kind:'pipes',stdin:'null'});
await bench('vfork no cgroup mount','vfork',N,{mounts:defaultMounts().filter(m=>m.type!=='cgroup')});
await bench('vfork no net ns','vfork',N,{linux:{namespaces:['mount','pid','uts','ipc','cgroup'].map(type=>({type}))}});
await bench('vfork no seccomp','vfork',N,{linux:{seccomp:undefined}});
await bench('vfork no masks','vfork',N,{linux:{maskedPaths:[],readonlyPaths:[]}});
await bench('vfork memory limit','vfork',N,{linux:{resources:{memory:{limit:100e6}}}});
await bench('vfork devices cgroup','vfork',N,{linux:{resources:{devices:[{allow:false,access:'rwm'},...[3,5,7,8,9].map(minor=>({allow:true,type:'c',major:1,minor,access:'rwm'})),{allow:true,type:'c',major:5,minor:0,access:'rwm'}]}}});
await bench('reexec default','reexec',20);
rm(); root.remove();
