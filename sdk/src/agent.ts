import { AgentTalk } from "./agent-talk.ts";
import { requestAgent, requestTeam, type SpawnOptions, type TeamGroup } from "./agents/spawn.ts";
import { ok, type Result } from "./contract/errors.ts";
import { notPushed } from "./outbox/last-push.ts";

/** A connection of one agent, with a token of its own that is renewed while it works. */
export class Agent extends AgentTalk {
  /**
   * Spawns a child: never more than this agent, and dead when this one is.
   *
   * @example
   * const { data: helper } = await agent.spawn({ type: "reader", scopes: ["memory:read"] });
   */
  async spawn(options: SpawnOptions = {}): Promise<Result<Agent>> {
    const answer = await requestAgent(this.client, options);
    return answer.error ? answer : ok(new Agent(this.connection, answer.data));
  }

  /** Spawns children, all or none. */
  async spawnTeam(groups: TeamGroup[]): Promise<Result<Agent[]>> {
    const answer = await requestTeam(this.client, groups);
    return answer.error
      ? answer
      : ok(answer.data.map((issued) => new Agent(this.connection, issued)));
  }

  /** `await using agent = …`: stops it at the end of the block, and throws what failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { over } = this;
    if (!over) {
      const { error } = await this.stop();
      if (error) throw error;
    } else if (this.unsynced > 0) {
      const left = { unsynced: this.unsynced, refused: 0, cause: over };
      throw notPushed("The agent has ended", left);
    }
  }
}
