// Stops an npm script on a Node that cannot run TypeScript, before that Node fails with ERR_UNKNOWN_FILE_EXTENSION.
// Plain JavaScript for the same reason.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This script needs Node 22.18 or later, and this is ${process.versions.node}: run npm install, which brings Node 24 for this folder (not with --ignore-scripts), or install Node 24 from https://nodejs.org.`,
  );
  process.exitCode = 1;
}
