import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

it.each([
  ["cli/cli.js", "--help"],
  ["local/cli.js", "start", "--help"],
  ["create/create.js", "--help"],
  ["examples/learn-a-folder/index.ts", "--help"],
])("%s %s ends without an error when nobody reads its output", async (...args) => {
  const command = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  // This closes the pipe long before Node has started, so the first write of the command already fails.
  command.stdout.destroy();
  const [err, [code]] = await Promise.all([text(command.stderr), once(command, "exit")]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
});
