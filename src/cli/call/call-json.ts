import type { Checked, DockerfileSource, Outline, OutlineMount, SourceRange, Target } from '../../index.ts';

/** The documents of BuildKit's frontend requests `lint`, `outline` and `targets`, as buildx prints them. */

export function checkJson({ source, findings, error }: Checked): string {
  return document({
    warnings: findings.map(({ rule, description, url, message, ranges }) => ({
      ruleName: rule,
      description,
      ...(url !== undefined && { url }),
      detail: message,
      location: location(ranges),
    })),
    sources: [{ filename: source.file, data: base64(source), language: 'Dockerfile' }],
    ...(error && { buildError: { message: error.message, location: location(error.ranges) } }),
  });
}

export function outlineJson(source: DockerfileSource, outline: Outline): string {
  const { name, description, args, secrets, ssh } = outline;
  return document({
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    args: some(
      args.map(({ range, ...arg }) => ({
        name: arg.name,
        ...(arg.description !== undefined && { description: arg.description }),
        ...(arg.value && { value: arg.value }),
        location: location([range]),
      })),
    ),
    secrets: some(secrets.map(mount)),
    ssh: some(ssh.map(mount)),
    sources: [base64(source)],
  });
}

export function targetsJson(source: DockerfileSource, targets: readonly Target[]): string {
  return document({
    targets: targets.map(({ range, ...target }) => ({
      ...(target.name !== undefined && { name: target.name }),
      ...(target.default && { default: true }),
      ...(target.description !== undefined && { description: target.description }),
      base: target.base,
      ...(target.platform !== undefined && { platform: target.platform }),
      location: location([range]),
    })),
    sources: [base64(source)],
  });
}

function mount({ id, required, range }: OutlineMount) {
  return { name: id, ...(required && { required }), location: location([range]) };
}

/** A list, left out where it is empty. */
function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Each line by itself. */
function location(ranges: readonly SourceRange[]) {
  const lines = ranges.flatMap(({ start, end }) =>
    Array.from({ length: end - start + 1 }, (_, index) => start + index),
  );
  return { ranges: lines.map((line) => ({ start: { line }, end: { line } })) };
}

function base64({ text }: DockerfileSource): string {
  return Buffer.from(text).toString('base64');
}

function document(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
