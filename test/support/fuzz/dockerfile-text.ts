import { dockerfileCases } from '../dockerfile-cases.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { mutateText, ODD } from './odd-text.ts';

/** Lines that are right by themselves, with what their instruction knows. */
const LINES: readonly string[] = [
  'FROM busybox',
  'FROM --platform=$BUILDPLATFORM busybox AS base',
  'FROM base AS next',
  'FROM scratch AS $name',
  'FROM ${img:-busybox}:${tag}@sha256:0000',
  'ARG a=1 b="x y" c',
  'ENV A=1 B="$A b" C=\'$A\'',
  'ENV OLD form of $A',
  'LABEL "a.b"=c d="e\\\n f"',
  'RUN echo $A && true',
  'RUN ["echo", "a b", "\\u00e9"]',
  'RUN --mount=type=cache,id=x,target=/c,sharing=locked,uid=1 --network=none make',
  'RUN --mount=type=bind,from=base,source=/a,target=/b,rw --mount=type=tmpfs,target=/t,size=10m true',
  'RUN --mount=type=secret,id=s,env=S,required --mount=type=ssh,mode=0600 --security=insecure true',
  'RUN --device=vendor.com/d=*,required true',
  'RUN <<EOF\nset -e\necho $A\nEOF',
  'RUN <<-"A" cat 3<<B\n\tone\n\tA\ntwo\nB',
  'COPY --from=base --chown=1:$A --chmod=u=rwX,go-w --link --parents ./*/a.[ch] b? /d/',
  'COPY --exclude=*.md --exclude=**/x . .',
  "COPY <<f.txt <<'g' /d/\n$A\nf.txt\n$B\ng",
  'ADD --checksum=sha256:abcd --keep-git-dir=true --unpack https://example.test/a.tgz /',
  'ADD git@example.test:a/b.git#v1:sub ["a b", "/c d/"]',
  'WORKDIR ${A:+/x}/../y',
  'USER ${A:?no user}:0',
  'VOLUME ["/a", "/b"]',
  'VOLUME /a $B',
  'EXPOSE 80 443/udp 1-10 $A/TCP',
  'CMD exec sh',
  'CMD ["sh", "-c", "true"]',
  'ENTRYPOINT ["/e"]',
  'SHELL ["/bin/bash", "-o", "pipefail", "-c"]',
  'STOPSIGNAL SIGTERM',
  'HEALTHCHECK --interval=1m30s --timeout=2s --start-period=1ms --start-interval=1s --retries=3 CMD curl -f x || exit 1',
  'HEALTHCHECK NONE',
  'MAINTAINER somebody <a@b>',
  'ONBUILD RUN true',
  'ONBUILD COPY --from=base a b',
  'ENV V=${A#*/} W=${A%%.*} X=${A/a/b} Y=${A//a?/\\/} Z=${A:-${B:-c}}',
  'ARG SOURCE_DATE_EPOCH=1700000000',
  '# a comment',
  '# check=skip=JSONArgsRecommended;error=true',
  '# escape=`',
  '# syntax=docker/dockerfile:1.7-labs',
  '',
];

const PIECES: readonly string[] = [
  ...ODD,
  ...LINES.map((line) => `\n${line}\n`),
  ...'FROM RUN COPY ADD ARG ENV ONBUILD HEALTHCHECK AS as --mount= --from= --chown= --chmod= --link --exclude= --platform= type=cache, target= id= size= uid= mode=0777 from= source= sharing= required env= <<EOF <<-E <<"E F" \nEOF\n \nE\n'.split(
    ' ',
  ),
];

let seeds: readonly string[] | undefined;

/** A Dockerfile as somebody careless or hostile writes it: lines put together, or one of fixtures/, then damaged. */
export function dockerfileText(random: SeededRandom): string {
  seeds ??= ['parsed.json', 'llb.json', 'error.txt', 'parse-error.txt'].flatMap((kind) =>
    dockerfileCases(kind)
      .map(({ source }) => source.text)
      .filter((text) => text.length < 20_000),
  );
  const whole = random.chance(30);
  let text = random.chance(70) ? assembled(random, whole ? 0 : 20) : random.pick(seeds);
  if (random.chance(2)) text += `\n${random.pick(LINES)}`.repeat(1 + random.below(2000));
  for (let count = random.below(4); whole && count > 0; count--) text = mutateText(text, random, PIECES);
  return text;
}

/** `percent`: of the lines, damaged behind their keyword only, so that the others are reached too. */
function assembled(random: SeededRandom, percent: number): string {
  const lines = [random.pick(LINES.slice(0, 3))];
  for (let count = random.below(14); count > 0; count--) {
    let line = random.pick(LINES);
    const rest = line.indexOf(' ') + 1;
    if (random.chance(percent)) line = line.slice(0, rest) + mutateText(line.slice(rest), random, PIECES);
    lines.push(random.chance(10) ? line.replaceAll(' ', ' \\\n# between\n  ') : line);
  }
  if (random.chance(10)) lines.unshift(random.pick(LINES.slice(-4)));
  return lines.join(random.chance(10) ? '\r\n' : '\n');
}
