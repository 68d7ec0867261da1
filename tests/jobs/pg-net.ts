/**
 * Replaces pg_net and Vault, which no test database has. Requests are rows: a test sends them, or loses them,
 * as pg_net may. The test also sets the secrets. The function has the parameters that it has since pg_net
 * 0.14.
 */
import type { Sql } from "#harness/callers";

export interface NetRequest {
  url: string;
  body: { call: string };
  headers: Record<string, string>;
}

export async function standInForNet(sql: Sql, secrets: Record<string, string>): Promise<void> {
  await sql.unsafe(`
    create schema net;
    create table net.requests (id bigint generated always as identity, url text, body jsonb, headers jsonb);
    create function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
      headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds integer default 5000)
    returns bigint language sql as 'insert into net.requests (url, body, headers) values (url, body, headers) returning id';
    create schema if not exists vault;
    create table vault.decrypted_secrets (name text, decrypted_secret text);
    grant usage on schema net, vault to postgres;
    grant all on all tables in schema net, vault to postgres`);
  for (const [name, secret] of Object.entries(secrets))
    await sql`insert into vault.decrypted_secrets values (${name}, ${secret})`;
}

/** Requests to pg_net since the last call. */
export const takeRequests = async (sql: Sql) => [
  ...(await sql<NetRequest[]>`delete from net.requests returning url, body, headers`),
];

export const send = ({ url, body, headers }: NetRequest) =>
  fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
