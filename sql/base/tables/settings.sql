-- The settings of the whole project: one row, changed in the SQL editor.

create table mayfly_private.settings (
  only_row boolean not null default true constraint settings_pkey primary key constraint settings_only_row check (only_row),
  tenants_created_by text not null default 'secret_key'
    constraint settings_tenants_created_by_known check (tenants_created_by in ('secret_key', 'signed_in')),
  max_tenants_per_person integer not null default 10
    constraint settings_max_tenants_per_person_range check (max_tenants_per_person >= 0),
  person_issuers text[] not null default '{%/auth/v1}',
  debug_rate integer not null default 50
    constraint settings_debug_rate_range check (debug_rate between 1 and 10000),
  announce_rate integer not null default 50
    constraint settings_announce_rate_range check (announce_rate between 1 and 10000),
  kept interval not null default '30 days'
    constraint settings_kept_range check (kept between '1 hour' and '100 years')
);

comment on table mayfly_private.settings is 'The settings of the project.';
comment on column mayfly_private.settings.tenants_created_by is
  'Who may create tenants: only the secret key, or also anyone who is signed in (not anonymously).';
comment on column mayfly_private.settings.max_tenants_per_person is 'A person who owns this many tenants cannot create another.';
comment on column mayfly_private.settings.person_issuers is
  'Patterns (like) of the issuers of people''s tokens. By default, they match any Supabase Auth. Narrow them to your own URL.';
comment on column mayfly_private.settings.debug_rate is
  'How many Realtime messages a second all debug streams of a tenant may send together. A message counts once for each receiver. The default is half of what the Free plan allows.';
comment on column mayfly_private.settings.announce_rate is
  'How many broadcasts a second the database may send immediately for a tenant. In addition, it may send the same number of due broadcasts. The default is half of what the Free plan allows. Realtime also counts each receiver.';
comment on column mayfly_private.settings.kept is
  'How long events, applied operations and tombstones are kept. A client that has not synced for longer starts again.';

insert into mayfly_private.settings default values;

alter table mayfly_private.settings enable row level security;
