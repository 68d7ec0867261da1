/** Standard decorators that define agents and tools as classes. */
import { invalid } from "../contract/invalid.ts";
import { defineAgent } from "./define.ts";
import type { Agentlike, AgentOptions, ToolContext, ToolDefinition } from "./types.ts";

// biome-ignore lint/suspicious/noExplicitAny: any class.
type Class = new (...given: any[]) => object;
type Tools = NonNullable<AgentOptions["tools"]>;
type Method = (input: unknown, context: ToolContext) => unknown;

const optionsOf = new WeakMap<Class, AgentOptions<never>>();
const toolsOf = new WeakMap<object, Tools>();

/** Turns a method into a tool with the method's name. docs/runs.md has an example. */
export function Tool<Input>(definition: Omit<ToolDefinition<Input, unknown>, "run">) {
  return (
    method: (input: Input, context: ToolContext) => unknown,
    { name, addInitializer }: ClassMethodDecoratorContext,
  ): void => {
    addInitializer(function (this: unknown) {
      const instance = this as object;
      const run = (method as Method).bind(instance);
      toolsOf.set(instance, { ...toolsOf.get(instance), [String(name)]: { ...definition, run } });
    });
  };
}

/**
 * Turns a class into an agent. The methods with {@link Tool} are its tools. {@link agentOf} returns the
 * definition.
 */
export function DefineAgent<Output = string>(options: AgentOptions<Output>) {
  return (of: Class, _context: ClassDecoratorContext): void => {
    optionsOf.set(of, options as never);
  };
}

/**
 * Returns the agent definition of an instance of a decorated class.
 *
 * @throws if the object's class has no `@DefineAgent`.
 */
export function agentOf<Output = string>(instance: object): Agentlike<Output> {
  const options = optionsOf.get(instance.constructor as Class) as AgentOptions<Output> | undefined;
  if (!options)
    throw invalid("instance", "must be an instance of a class with the decorator DefineAgent");
  return defineAgent({ ...options, tools: { ...options.tools, ...toolsOf.get(instance) } });
}
