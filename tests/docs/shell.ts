/** The shell blocks of a document, command by command. */

/** A command without its variables, substitutions and quotes. Only the words that say what runs are left. */
export interface ShellCommand {
  /** As it is written in the document. */
  line: string;
  words: string[];
}

/** The commands of a block, also after `&&` and `|` and within `$(…)`. */
export function commandsOf(block: string): ShellCommand[] {
  const lines = block
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "");
  return lines.flatMap((line) => commandsOfLine(line));
}

function commandsOfLine(line: string): ShellCommand[] {
  const inner: ShellCommand[] = [];
  const outer = line.replace(/\$\(([^()]*)\)/g, (_, command: string) => {
    inner.push(...commandsOfLine(command));
    return "substituted";
  });
  // Quoted text is one word, whatever it contains.
  const plain = outer.replace(/"[^"]*"|'[^']*'/g, "quoted");
  const commands = plain.split(/\s(?:&&|\|)\s/).map((command) => {
    const words = command.trim().split(/\s+/);
    return { line, words: words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))) };
  });
  return [...inner, ...commands];
}
