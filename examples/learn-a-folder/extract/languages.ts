import { extname } from "node:path";

/** Patterns that find the symbols of a language. Each is matched with one line, without the block's indentation. */
export interface Language {
  extensions: readonly string[];
  /** A line that begins a symbol. */
  starts: RegExp;
  /** A line that imports other files, which is not worth remembering. */
  imports?: RegExp;
  /**
   * A line that begins a container: a symbol with inner symbols. If a container is long, its inner
   * symbols are remembered separately.
   */
  containers?: RegExp;
  /** A line that begins a symbol inside a container. */
  members?: RegExp;
  /** A line above a symbol that belongs to the symbol: a comment, a decorator or an attribute. */
  leads: RegExp;
  /** Whether a symbol always extends to the next symbol, however its lines are indented. */
  flows?: boolean;
}

const slashes = /^(?:\/\/|\/\*|\*|@\w)/;
const modifiers =
  "(?:(?:public|private|protected|internal|static|final|abstract|sealed|open|override|virtual|async|data|inline|partial|readonly|suspend|synchronized|unsafe|extern|default|lazy|implicit|case)\\s+)*";
const noCall = "(?!(?:if|for|while|switch|catch|return|throw|else|do|new|await|using|lock)\\b)";

const languages: readonly Language[] = [
  {
    extensions: [".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs"],
    starts:
      /^(?:(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\b|class\s|interface\s|enum\s|namespace\s|type\s+\w+(?:<.*>)?\s*=|(?:const|let|var)\s)|export\s+default\b|(?:module\.)?exports\b.*=|(?:describe|test|it|suite|bench)(?:\.\w+)*\()/,
    imports:
      /^(?:import\b(?!\()|export\s+(?:type\s+)?(?:\*|\{)|(?:const|let|var)\s.*=\s*require\(|["']use strict)/,
    containers:
      /^(?:(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s|(?:const|let|var)\s+\w+\s*=\s*class\b|(?:describe|suite)\b)/,
    members: new RegExp(
      `^(?:${modifiers}(?:get\\s+|set\\s+)?\\*?${noCall}[#\\w$]+\\??(?:<.*>)?\\(.*(?:[{(,]|\\)(?::.*)?)$|(?:describe|test|it|suite|bench)(?:\\.\\w+)*\\()`,
    ),
    leads: slashes,
  },
  {
    extensions: [".py", ".pyi"],
    starts: /^(?:(?:async\s+)?def\s|class\s|[A-Z][A-Z0-9_]*\s*(?::[^=]+)?=)/,
    imports: /^(?:import|from)\s/,
    containers: /^class\s/,
    members: /^(?:async\s+)?def\s/,
    leads: /^[#@]/,
  },
  {
    extensions: [".sql"],
    starts: /^(?:create|do)\s/i,
    leads: /^(?:--|\/\*|\*)/,
    flows: true,
  },
  {
    extensions: [".go"],
    starts: /^(?:func|type|const|var)\b/,
    imports: /^(?:import|package)\b/,
    leads: slashes,
  },
  {
    extensions: [".rs"],
    starts:
      /^(?:pub(?:\([^)]*\))?\s+)?(?:(?:async|unsafe|default|const|extern(?:\s+"[^"]*")?)\s+)*(?:fn|struct|enum|trait|impl|mod|type|static|const|union|macro_rules!)(?:\b|\s|<)/,
    imports: /^(?:pub\s+)?(?:use|extern\s+crate|mod\s+\w+;)\s?/,
    containers: /^(?:pub\s+)?(?:unsafe\s+)?(?:impl|trait|mod)\b/,
    leads: /^(?:\/\/|\/\*|\*|#!?\[)/,
  },
  {
    extensions: [".sh", ".bash", ".zsh"],
    starts: /^(?:function\s+[\w:.-]+|[\w:.-]+\s*\(\))/,
    leads: /^#(?!!)/,
  },
  {
    extensions: [".java", ".kt", ".kts", ".cs", ".scala", ".swift", ".dart"],
    starts: new RegExp(
      `^${modifiers}(?:class|interface|@interface|enum|record|struct|object|trait|protocol|extension|namespace|fun|func|def|typealias|mixin)\\b`,
    ),
    imports: /^(?:import|package|using)\b/,
    containers: new RegExp(
      `^${modifiers}(?:class|interface|enum|record|struct|object|trait|protocol|extension|namespace|mixin)\\b`,
    ),
    members: new RegExp(`^${modifiers}${noCall}(?:[\\w<>[\\],.?]+\\s+)*[\\w<>]+\\s*\\([^;]*$`),
    leads: /^(?:\/\/|\/\*|\*|@\w|\[\w)/,
  },
  {
    extensions: [".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".m", ".mm"],
    starts: new RegExp(
      `^(?:(?:typedef|struct|enum|union|class|namespace|template)\\b|#define\\s|${noCall}[A-Za-z_][\\w\\s*&:<>,~]*\\([^;]*$)`,
    ),
    imports: /^#(?:include|import|pragma|if|ifdef|ifndef|endif|else|undef)\b/,
    containers: /^(?:class|struct|namespace)\b/,
    leads: slashes,
  },
  {
    extensions: [".php"],
    starts: new RegExp(`^${modifiers}(?:function|class|interface|trait|enum)\\s`),
    imports: /^(?:<\?php|use\s|namespace\s|require|include)/,
    containers: new RegExp(`^${modifiers}(?:class|interface|trait|enum)\\s`),
    leads: /^(?:\/\/|\/\*|\*|#)/,
  },
  {
    extensions: [".rb"],
    starts: /^(?:def|class|module)\s/,
    imports: /^require/,
    containers: /^(?:class|module)\s/,
    leads: /^#(?!!)/,
  },
  {
    extensions: [".lua"],
    starts: /^(?:local\s+)?function\b/,
    leads: /^--/,
  },
];

const byExtension = new Map(
  languages.flatMap((language) => language.extensions.map((ending) => [ending, language] as const)),
);

/** The language of a file by its extension, if its symbols can be found. */
export function languageOf(fileName: string): Language | undefined {
  return byExtension.get(extname(fileName).toLowerCase());
}
