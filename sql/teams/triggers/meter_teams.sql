-- Charges what is written, as this room's charges.sql says.

create trigger teams_meter_insert after insert on mayfly.teams
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger teams_meter_delete after delete on mayfly.teams
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger polls_meter_insert after insert on mayfly.polls
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger polls_meter_delete after delete on mayfly.polls
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger ballots_meter_insert after insert on mayfly.ballots
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger ballots_meter_delete after delete on mayfly.ballots
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger tenders_meter_insert after insert on mayfly.tenders
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger tenders_meter_delete after delete on mayfly.tenders
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger bids_meter_insert after insert on mayfly.bids
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger bids_meter_delete after delete on mayfly.bids
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger assignments_meter_insert after insert on mayfly.assignments
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger assignments_meter_delete after delete on mayfly.assignments
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger cast_ballots_meter_insert after insert on mayfly_private.cast_ballots
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger cast_ballots_meter_delete after delete on mayfly_private.cast_ballots
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger sealed_bids_meter_insert after insert on mayfly_private.sealed_bids
  referencing new table as new_rows
  for each statement execute function mayfly_private.meter_rows();

create trigger sealed_bids_meter_delete after delete on mayfly_private.sealed_bids
  referencing old table as old_rows
  for each statement execute function mayfly_private.meter_rows();
