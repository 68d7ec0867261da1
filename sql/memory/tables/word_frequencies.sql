-- The number of a tenant's sampled memories in which a word occurs. Recall weighs the words of a question by this
-- number. Only memories that the whole tenant may read are counted, so scores and their order reveal nothing that
-- the caller may not see. Written by mayfly_private.sample_words. A tenant has about 2,300 rows of 100 bytes.

create table mayfly_private.word_frequencies (
  tenant_id uuid not null,
  word text collate "C" not null,
  memories integer not null,
  constraint word_frequencies_pkey primary key (tenant_id, word),
  constraint word_frequencies_sample_fkey foreign key (tenant_id)
    references mayfly_private.word_samples (tenant_id) on delete cascade
);

comment on table mayfly_private.word_frequencies is 'In how many of a tenant''s sampled memories each word occurs. Words in only one memory are left out.';

alter table mayfly_private.word_frequencies enable row level security;
