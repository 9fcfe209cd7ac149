import type { Command } from 'commander';
import { allOptions } from '../all-options.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { mutateText, ODD } from './odd-text.ts';

/** Values in the notations that options take. None names a file that could not be read to its end. */
const VALUES: readonly string[] = [
  ...'a a=b a=b=c =b a:b 1 0 -1 1.5 512m 2g -5k 99999999999999999999g true false none host default bridge'.split(
    ' ',
  ),
  ...'linux/amd64 linux/arm64/v8 linux/amd64,linux/arm64 windows(10.0.1) / linux/ x/y/z/w'.split(' '),
  ...'type=oci,dest=x.tar type=local type=registry,name=a type=image,push=true type=cacheonly type= - dir'.split(
    ' ',
  ),
  ...'id=a,src=missing id=a,env=B id= src=b id=a,type=env type=bind,source=/a,target=/b,readonly'.split(' '),
  ...'type=volume,src=v,dst=/d type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777 /a:/b /a:/b:ro,Z v:/d :/d /a: a:b:c:d'.split(
    ' ',
  ),
  ...'host:1.2.3.4 host=::1 host:[::1] host-gateway 1.2.3.4 ::1 nofile=1:2 nofile=2:1 core=-1 cpu= 0-3,5 0,'.split(
    ' ',
  ),
  ...'check outline,format=json targets lint,ignorestatus=1 build plain rawjson seccomp=unconfined no-new-privileges'.split(
    ' ',
  ),
  ...'/dev/null /dev/null:/dev/x:rwm CAP_ALL net.ipv4.ip_forward=1 0:0 root:wheel a,b,c "a,b",c "a STDIN'.split(
    ' ',
  ),
];

/** Arguments for the command: its options by all their names with values of any notation, then damaged. */
export function commandLine(command: Command, random: SeededRandom): string[] {
  const args: string[] = [];
  for (let count = random.below(6); count > 0; count--) {
    const { short, long = '', required, optional } = random.pick(allOptions(command));
    const name = short !== undefined && random.chance(40) ? short : long;
    const value = damaged(random.pick(VALUES), random);
    if (!required && !optional) args.push(random.chance(80) ? name : `${name}=${value}`);
    else if (random.chance(50)) args.push(name, value);
    else args.push(name.startsWith('--') || random.chance(50) ? `${name}=${value}` : name + value);
  }
  if (random.chance(90))
    args.push(damaged(random.pick(['.', 'image', 'https://example.test/a.git#b', '-']), random));
  if (random.chance(20)) args.push(random.pick(ODD), random.pick(VALUES));
  return args.map((arg) => (random.chance(5) ? damaged(arg, random) : arg));
}

function damaged(text: string, random: SeededRandom): string {
  return random.chance(30) ? mutateText(text, random, [...ODD, ...VALUES]) : text;
}
