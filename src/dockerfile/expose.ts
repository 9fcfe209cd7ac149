/**
 * The ports that one word of EXPOSE means, as `80/tcp`. The word is `[[ip:]host:]port[-port][/protocol]`, of which
 * address and host port say nothing here. Throws Error naming the part that is wrong.
 */
export function parsePorts(word: string): string[] {
  const parts = word.split(':');
  const container = parts.at(-1)!;
  const host = parts.at(-2) ?? '';
  const address = parts.slice(0, -2).join(':');
  const slash = container.indexOf('/');
  const range = slash === -1 ? container : container.slice(0, slash);
  const protocol = slash === -1 ? '' : container.slice(slash + 1);
  if (range === '') throw new Error(`invalid port: ${JSON.stringify(word)}: no port specified`);
  if (!['', 'tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) {
    throw new Error(`invalid port: ${JSON.stringify(word)}: invalid proto: ${protocol}`);
  }
  if (address !== '' && !isAddress(address.replace(/^\[(.*)\]$/, '$1'))) {
    throw new Error(`invalid IP address: ${address}`);
  }
  const inside = portRange(range);
  if (inside === undefined) throw new Error(`invalid containerPort: ${range}`);
  checkHostPorts(host, range, inside);
  const ports: string[] = [];
  for (let port = inside.first; port <= inside.last; port++) {
    ports.push(`${port}/${protocol === '' ? 'tcp' : protocol.toLowerCase()}`);
  }
  return ports;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A range on the host has to fit the one inside, unless that is a single port. */
function checkHostPorts(host: string, range: string, inside: PortRange): void {
  if (host === '') return;
  const outside = portRange(host);
  if (outside === undefined) throw new Error(`invalid hostPort: ${host}`);
  const single = inside.first === inside.last;
  if (!single && outside.last - outside.first !== inside.last - inside.first) {
    throw new Error(`invalid ranges specified for container and host Ports: ${range} and ${host}`);
  }
}

function portRange(text: string): PortRange | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}

function isAddress(text: string): boolean {
  const numbers = text.split('.');
  if (numbers.length === 4 && numbers.every((number) => /^\d{1,3}$/.test(number) && Number(number) <= 255))
    return true;
  return text.includes(':') && URL.canParse(`http://[${text}]`);
}
