import type { Notification } from "./answer.ts";
import type { Client } from "./client.ts";
import { int32, message } from "./protocol.ts";
import type { Rewritten } from "./rewrite.ts";

/** Which client listens on which channel. The backend listens on all of these channels, and maybe on more. */
export class Listeners {
  readonly #byChannel = new Map<string, Set<Client>>();

  has(channel: string): boolean {
    return this.#byChannel.has(channel);
  }

  /**
   * Applies what a committed transaction changed. Returns the channels on which nobody listens now.
   */
  change(client: Client, changes: Rewritten["listens"]): string[] {
    const unheard: string[] = [];
    for (const { on, channel } of changes) {
      if (on && channel !== undefined) {
        const clients = this.#byChannel.get(channel) ?? new Set();
        this.#byChannel.set(channel, clients.add(client));
      } else if (channel !== undefined) unheard.push(...this.#drop(client, [channel]));
      else unheard.push(...this.remove(client));
    }
    return unheard;
  }

  /** Removes the client from every channel. Returns the channels on which nobody listens now. */
  remove(client: Client): string[] {
    return this.#drop(client, [...this.#byChannel.keys()]);
  }

  /**
   * Delivers to every listener except `from` at once. Returns the notifications that `from` itself
   * gets.
   */
  route(notifications: Notification[], from: Client): Buffer[] {
    const own: Buffer[] = [];
    for (const { channel, payload } of notifications) {
      const bytes = message("A", int32(from.pid), channel, payload);
      for (const client of this.#byChannel.get(channel) ?? []) {
        if (client === from) own.push(bytes);
        else client.write([bytes]);
      }
    }
    return own;
  }

  #drop(client: Client, channels: string[]): string[] {
    return channels.filter((channel) => {
      const clients = this.#byChannel.get(channel);
      if (!clients?.delete(client) || clients.size > 0) return false;
      return this.#byChannel.delete(channel);
    });
  }
}
