import { bundleInit, runContainer, shellSpec } from '/work/wt-sandbox/test/support/containers.ts';
import { makeBusyboxRoot } from '/work/wt-sandbox/test/support/busybox-rootfs.ts';
const root = makeBusyboxRoot();
const rm = await bundleInit();
setTimeout(()=>{console.log('timeout');process.exit(1)}, 5000).unref();
try { console.log(await runContainer(shellSpec('echo $$; exit 3'), {overlay: root.overlay(), mechanism: process.argv[2] as 'reexec'})); } catch (e) { console.log(e); }
rm(); root.remove();
