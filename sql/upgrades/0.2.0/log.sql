-- Each room registers its own kinds of due broadcasts (nudge_kinds).
alter table mayfly_private.nudges_due drop constraint nudges_due_event_known;
