-- Null for messages that were sent before 0.2.
alter table mayfly.messages add column trace text constraint messages_trace_length check (char_length(trace) <= 500);
alter table mayfly.messages alter column trace set statistics 0;
