/**
 * Rules about which file may import which: a room may use the rooms before it, and a package may use only
 * the public entries of other packages.
 */
import type { Fault } from "./faults.ts";
import type { Imports } from "./imports.ts";

/** The floors below all rooms of the SDK: the shared contract, then the connection of one caller. */
const floors = ["contract", "link"];

/** The parts of the repository, by the beginnings of their paths. Each may use the parts before it. */
const parts = [
  "local/",
  "sdk/",
  "functions/",
  "cli/",
  "console/",
  "create/",
  "testing/",
  "adapters/",
  "examples/",
] as const;

/** The files that the package of the SDK exports. */
const publicDoors = ["sdk/src/index.ts", "sdk/src/link/postgres.ts", "sdk/src/memory/open.ts"];

/** The files that the command line and tests may also use: the contract, and the internal entry. */
const isOurDoor = (target: string) =>
  publicDoors.includes(target) ||
  target === "sdk/src/internal.ts" ||
  target.startsWith("sdk/src/contract/");

/** The reason why an import is wrong, and what to do. Undefined if it is right. */
type Rule = (file: string, target: string) => string | undefined;

const begins = (path: string, ...beginnings: string[]) =>
  beginnings.some((beginning) => path.startsWith(beginning));

const productUsesNoTools: Rule = (file, target) =>
  begins(file, ...parts) && begins(target, "tests/", "scripts/")
    ? "what is shipped uses nothing of tests/ or scripts/. Move the shared code to the part that ships it"
    : undefined;

const localStandsAlone: Rule = (file, target) =>
  begins(file, "local/") && !begins(target, "local/")
    ? "local/ uses nothing else of ours. Let the caller pass in what it needs"
    : undefined;

const functionsUseTheContract: Rule = (file, target) =>
  begins(file, "functions/") && !begins(target, "functions/", "sdk/src/contract/")
    ? "functions/ use nothing of ours but sdk/src/contract. Move what they share with the SDK there"
    : undefined;

const sdkStandsAlone: Rule = (file, target) =>
  begins(file, "sdk/src/") && !begins(target, "sdk/")
    ? "the SDK uses nothing else of ours. Move the shared code into a room of the SDK"
    : undefined;

const usersEnterThroughTheSdk: Rule = (file, target) =>
  begins(file, "console/", "create/", "testing/", "adapters/", "examples/") &&
  begins(target, "sdk/src/") &&
  !publicDoors.includes(target)
    ? "it may use only what @mayfly/sdk exports. Export what it needs from sdk/src/index.ts, or do without"
    : undefined;

const ourDoors =
  "@mayfly/sdk, @mayfly/sdk/contract/… or, for what neither has, @mayfly/sdk/internal";

const cliEntersThroughDoors: Rule = (file, target) =>
  begins(file, "cli/") && begins(target, "sdk/src/") && !isOurDoor(target)
    ? `the command line enters through ${ourDoors}. Export it there if it has to be`
    : undefined;

const testsEnterThroughDoors: Rule = (file, target) =>
  begins(file, "tests/") && begins(target, "sdk/src/") && !isOurDoor(target)
    ? `a test enters through ${ourDoors}. Test the behaviour through the public surface if you can`
    : undefined;

const internalIsForTheOthers: Rule = (file, target) =>
  begins(file, "sdk/src/", "local/src/") && target.endsWith("/src/internal.ts")
    ? "internal.ts is for other parts. Import the file itself"
    : undefined;

const isDoorOf = (part: string, target: string) =>
  ["index", "internal"].some((door) => target === `${part}/src/${door}.ts`);

/** Only the tests in the folder with a package's name may import its internals. */
const insideIsTestedAtHome: Rule = (file, target) => {
  if (!begins(file, "tests/") || begins(file, "tests/harness/")) return undefined;
  for (const part of ["local", "cli"])
    if (begins(target, `${part}/src/`) && !isDoorOf(part, target))
      if (!begins(file, `tests/${part}/`))
        return `only tests/${part}/ may look inside ${part}/. Use #harness, or move the test there`;
  return undefined;
};

/** The room of a file of the SDK. Undefined for files outside of rooms. */
const roomOf = (file: string) => /^sdk\/src\/([\w-]+)\//.exec(file)?.[1];

function roomsStandOnFloors(rooms: readonly string[]): Rule {
  const order = [...floors, ...rooms];
  return (file, target) => {
    if (!begins(file, "sdk/src/") || !begins(target, "sdk/src/")) return undefined;
    const [own, other] = [roomOf(file), roomOf(target)];
    // Files outside of rooms combine the rooms.
    if (own === undefined || isGenerated(target)) return undefined;
    if (other === undefined)
      return `${target} puts the rooms together and comes last. Pass in what this file needs of it`;
    return order.indexOf(other) > order.indexOf(own)
      ? `the room ${other} comes after ${own} in sql/rooms.json. Move what they share to the earlier room, or pass it in`
      : undefined;
  };
}

const isGenerated = (file: string) => file.endsWith("/database.types.ts");

/** Every import that a rule forbids, as `file → target`. */
export function importFaults(imports: Imports, rooms: readonly string[]): Fault[] {
  const rules = [
    productUsesNoTools,
    localStandsAlone,
    functionsUseTheContract,
    sdkStandsAlone,
    usersEnterThroughTheSdk,
    cliEntersThroughDoors,
    testsEnterThroughDoors,
    internalIsForTheOthers,
    insideIsTestedAtHome,
    roomsStandOnFloors(rooms),
  ];
  return [...imports].flatMap(([file, targets]) =>
    [...targets].flatMap((target) => {
      const reason = rules.map((rule) => rule(file, target)).find((found) => found !== undefined);
      const name = `${file} → ${target}`;
      return reason ? [{ name, sentence: `${file} imports ${target}, but ${reason}.` }] : [];
    }),
  );
}
