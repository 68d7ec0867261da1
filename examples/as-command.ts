/** Makes an example a command: it takes no arguments, and ends with one line if something goes wrong. */
import "./plain-errors.ts";
import { readArguments } from "./arguments.ts";

readArguments();
