import { describe, expect, test } from 'vitest';
import { lowerDockerfile } from '../../../../src/dockerfile/lower/index.ts';
import { DockerfileError } from '../../../../src/dockerfile/source.ts';
import { dockerfileCases } from '../../../support/dockerfile-cases.ts';
import { type CaseRequest, lowerRequest } from '../../../support/lower-fixture.ts';

async function errorOf(text: string, request: CaseRequest = {}): Promise<DockerfileError | undefined> {
  try {
    await lowerDockerfile(lowerRequest(text, request));
    return undefined;
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
}

describe('lowerDockerfile() ends with an error', () => {
  test('when a value doubles with every line', async () => {
    const error = await errorOf(`FROM busybox\nENV A=aaaaaaaa\n${'ENV A=$A$A\n'.repeat(64)}`);
    expect(error?.message).toContain('does $A grow with every use?');
  });

  test('when a replacement multiplies a value', async () => {
    const line = `ENV A=\${A//a/${'a'.repeat(1000)}}\n`;
    const error = await errorOf(`FROM busybox\nENV A=a\n${line.repeat(5)}`);
    expect(error?.message).toContain('the result is too long');
  });

  test('when substitutions are nested by the thousand', async () => {
    const error = await errorOf(`FROM busybox\nENV A=${'${a:-'.repeat(10_000)}${'}'.repeat(10_000)}\n`);
    expect(error?.message).toContain('nested too deeply');
  });

  test('when a chain of stages, each copying from the next, closes', async () => {
    const stages = Array.from({ length: 3000 }, (_, index) => {
      return `FROM busybox AS s${index}\nCOPY --from=s${(index + 1) % 3000} /a /\n`;
    });
    expect((await errorOf(stages.join('')))?.code).toBe('CIRCULAR');
  });

  test('when several images are missing at once, with the others left to nobody', async () => {
    const error = await errorOf(
      'FROM one AS a\nFROM two AS b\nFROM busybox\nCOPY --from=a / /\nCOPY --from=b / /\n',
    );
    expect(error?.code).toBe('NOT_FOUND');
  });
});

test('lowerDockerfile() stops looking up images, when its signal is aborted', async () => {
  const controller = new AbortController();
  const request = { ...lowerRequest('FROM missing\n'), signal: controller.signal };
  controller.abort(new Error('enough'));
  await expect(lowerDockerfile(request)).rejects.toThrow('enough');
});

test('lowerDockerfile() looks every image up once, and those it needs at the same time', async () => {
  const asked: string[] = [];
  let waiting = 0;
  let most = 0;
  const base = lowerRequest(
    'FROM a AS x\nFROM b AS y\nFROM a\nCOPY --from=x / /\nCOPY --from=y / /\nFROM x\n',
    {
      images: { a: {}, b: {} },
    },
  );
  const request = {
    ...base,
    async resolveImage(ref: string, platform: Parameters<typeof base.resolveImage>[1]) {
      asked.push(ref);
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setTimeout(resolve, 5));
      waiting--;
      return base.resolveImage(ref, platform);
    },
  };
  await lowerDockerfile(request);
  expect(asked).toEqual(['a']);
  asked.length = 0;
  await lowerDockerfile({
    ...request,
    source: { file: 'Dockerfile', text: base.source.text.replace('FROM x\n', '') },
  });
  expect(asked.sort()).toEqual(['a', 'b']);
  expect(most).toBe(2);
});

/** A small generator with a fixed seed, so that a failure can be repeated. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

test('lowerDockerfile() throws nothing but DockerfileError, whatever the text', async () => {
  const random = numbers(7);
  const below = (limit: number) => Math.floor(random.next().value! * limit);
  const texts = [...dockerfileCases('llb.json'), ...dockerfileCases('error.txt')].map(
    ({ source }) => source.text,
  );
  const odd = [
    '$',
    '${',
    '}',
    '"',
    "'",
    '\\',
    '\n',
    '=',
    ',',
    '--',
    '<<EOF\n',
    ' ',
    '#',
    '/',
    '\0',
    ':',
    '[',
    ']',
    '*',
    'é',
  ];
  for (let round = 0; round < 1500; round++) {
    let text = texts[below(texts.length)]!;
    for (let change = below(4); change >= 0; change--) {
      const at = below(text.length + 1);
      const cut = below(3) === 0 ? below(12) : 0;
      const other = texts[below(texts.length)]!;
      const line = other.split('\n')[below(4)] ?? '';
      text =
        text.slice(0, at) + (below(4) === 0 ? `\n${line}\n` : odd[below(odd.length)]!) + text.slice(at + cut);
    }
    try {
      await errorOf(text, {
        images: { app: {}, parent: { config: { OnBuild: ['RUN x', 'COPY --from=tools a b'] } } },
      });
    } catch (error) {
      throw new Error(`Round ${round} with ${JSON.stringify(text)}`, { cause: error });
    }
  }
});
