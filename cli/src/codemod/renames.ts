/** The names that changed in release 0.2. docs/upgrading.md has the same list for people. */

/** The classes of the SDK with renamed members. */
export type Owner = "Agent" | "Mayfly" | "Conflicts";

/** For each class: a member in 0.1, and where it is in 0.2. */
export const renames: Record<Owner, Readonly<Record<string, string>>> = {
  Agent: {
    cached: "memory.cached",
    conflicts: "memory.conflicts.list",
    context: "memory.context",
    deadLetters: "outbox.refused",
    discardDeadLetters: "outbox.discard",
    forget: "memory.forget",
    get: "memory.get",
    handoff: "messages.handoff",
    memories: "memory.list",
    recallLocal: "memory.recallLocal",
    retryDeadLetters: "outbox.retry",
    shared: "state.shared",
    similar: "memory.similar",
    statistics: "memory.statistics",
    thread: "memory.thread",
    unsynced: "outbox.waiting",
    update: "memory.update",
    watch: "log.watch",
  },
  Mayfly: {
    agentTypes: "agents.types",
    conflicts: "memory.conflicts",
    drain: "outbox.drain",
    enrolmentKeys: "keys",
    export: "tenants.export",
    invitations: "people.invitations",
    maintain: "tenants.maintain",
    members: "people.members",
    on: "messages.on",
    reembed: "memory.reembed",
    request: "messages.request",
    send: "messages.send",
    statistics: "memory.statistics",
    watch: "log.watch",
  },
  Conflicts: { settle: "resolve" },
};
