import { expect, it } from "vitest";
import { createConsoleLog } from "../../local/src/console-log.ts";

it("text from clients cannot forge log lines or control the terminal", () => {
  const lines: string[] = [];
  const log = createConsoleLog({ write: (line) => lines.push(line) });
  const topic = "room\0\r\n09:00:00 error The disk is full\u001b[2K\u202e\u2028\u0085x";
  log.warn("A join failed.", { topic, problem: "one\ntwo" });
  log.info(`A mail to ${topic}`);
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const [first, ...more] = line.split("\n");
    expect(first).toMatch(/^\d\d:\d\d:\d\d (?:warn|info) /);
    for (const continued of more) expect(continued).toMatch(/^ {15}/);
    expect(line).not.toMatch(/[^\P{Cc}\n]|[\p{Bidi_Control}\u2028\u2029]/u);
    expect(line).toContain("room\\u0000\\u000d");
  }
  const json: string[] = [];
  createConsoleLog({ json: true, write: (line) => json.push(line) }).warn("m", { topic });
  expect(json.join("").split("\n")).toHaveLength(1);
  expect(JSON.parse(json[0] ?? "")).toMatchObject({ topic });
});
