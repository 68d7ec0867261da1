/** What the examples of the SDK's docstrings take as given: what their reader has at hand. */
import type * as sdk from "@mayfly/sdk";
import type * as embedder from "@mayfly/sdk/contract/development-embedder";

declare global {
  const Mayfly: typeof sdk.Mayfly;
  const mayfly: sdk.Mayfly;
  const agent: sdk.Agent;
  const helper: sdk.Agent;
  const other: sdk.Agent;
  const embedForDevelopment: typeof embedder.embedForDevelopment;
  const url: string;
  const databaseUrl: string;
  const key: string;
  const publishableKey: string;
  const tenant: string;
  const id: string;
  const memoryId: string;
  const conversationId: string;
  const query: string;
  const file: string;
  const keep: (cursor: string) => Promise<void>;
  const allScores: () => Promise<Record<string, number>>;
  const longPrompt: () => string;
  const urls: string[];
  const files: string[];
  const score: number;
  const sleep: (ms: number) => Promise<void>;
  const error: sdk.MayflyError | null;
  const isMayflyError: typeof sdk.isMayflyError;
  const read: (reader: sdk.Agent, file: string | undefined) => Promise<number>;
  const summary: (page: string) => Promise<string>;
  const serveJobs: typeof sdk.serveJobs;
  const defineAgent: typeof sdk.defineAgent;
  const tool: typeof sdk.tool;
  const runAgents: typeof sdk.runAgents;
  const agentOf: typeof sdk.agentOf;
  const DefineAgent: typeof sdk.DefineAgent;
  const Tool: typeof sdk.Tool;
  type ToolContext = sdk.ToolContext;
  const analyst: sdk.Agentlike;
  const editor: sdk.Agentlike;
  const run: sdk.Run;
  const anthropic: (model: string) => sdk.RunModel;
  const payments: { refund: (order: number, key: string) => Promise<string> };
  const show: (text: unknown) => void;
  class Desk {}
  const job: sdk.HeldJob<{ url: string }>;
  const input: { url: string };
  const Deno: { serve(handler: (request: Request) => Promise<Response>): void };
  const decideAnew: () => Promise<void>;
  const workOffline: <T>(value: T) => Promise<T>;
}
