import { describe, expect, test } from 'vitest';
import { renderTemplate } from '../../../../src/cli/format/template/render.ts';

const data = {
  Id: 'abc',
  State: { Pid: 42, Running: true, Health: undefined },
  Config: { Entrypoint: null, Env: ['A=1', 'B=2'], Labels: { b: 'two', a: 'one' } },
  Empty: [],
  Size: 1500,
};

describe('renderTemplate()', () => {
  test.each([
    ['{{.Id}}', 'abc'],
    ['{{.State.Pid}}', '42'],
    ['{{json .Config}}', JSON.stringify(data.Config)],
    ['{{json .}}', JSON.stringify(data)],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\nB=2\n'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}', 'a=one;b=two;'],
    ['{{index .Config.Labels "b"}}', 'two'],
    ['{{index .Config.Env 1}}', 'B=2'],
    ['{{(index .Config.Env 0) | lower}}', 'a=1'],
    ['{{if .State.Running}}up{{else}}down{{end}}', 'up'],
    ['{{if eq .Id "x"}}1{{else if eq .Id "abc"}}2{{else}}3{{end}}', '2'],
    ['{{with .State}}{{.Pid}}/{{$.Id}}{{end}}', '42/abc'],
    ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
    ['{{join .Config.Env ","}}', 'A=1,B=2'],
    ['{{len .Config.Env}} {{.Config.Env}} {{.Config.Labels}}', '2 [A=1 B=2] map[a:one b:two]'],
    ['{{printf "%-5s|%5d" .Id .Size}}', 'abc  | 1500'],
    ['a {{- .Id -}} b', 'aabcb'],
    ['{{$x := .Id}}{{upper $x}}', 'ABC'],
    ['{{slice .Id 1 2}}{{/* note */}}', 'b'],
    ['{{not .State.Running}}', 'false'],
    ['{{index .Config.Labels "nope"}}|', '|'],
    ['{{.Config.Labels.nope}}', '<no value>'],
    ['{{if .State.Health}}checked{{else}}not{{end}} {{json .State.Health}}', 'not null'],
    ['{{.Config.Entrypoint}}', '[]'],
  ])('renders %s', (template, expected) => {
    expect(renderTemplate(template, data)).toBe(expected);
  });

  test.each([
    ['{{index .Config.Env 2}}', /index out of range: 2/],
    ['{{(index (index .Config "Entrypoint") 0).HostPort}}', /index of untyped nil/],
    ['{{.Nope}}', /can't evaluate field Nope/],
    ['{{.Id', /unclosed action/],
    ['{{if .Id}}x', /missing \{\{end\}\}/],
    ['{{nope .Id}}', /function "nope" not defined/],
    ['{{.constructor}}', /can't evaluate field constructor/],
    ['{{$x}}', /undefined variable/],
    ['{{end}}', /unexpected \{\{end\}\}/],
  ])('refuses %s', (template, message) => {
    expect(() => renderTemplate(template, data)).toThrow(message);
  });
});
