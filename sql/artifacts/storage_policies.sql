-- Creates the bucket and its policies if the project has Storage. Otherwise, functions of artifacts return
-- not_configured.

do $$
begin
  -- The functions that the policies call must exist first.
  if to_regprocedure('mayfly_private.may_write_file(text)') is null or to_regprocedure('mayfly_private.may_delete_file(text)') is null
    or to_regprocedure('mayfly_private.file_tenants()') is null then
    raise exception 'The functions that decide about files are missing.';
  end if;
  perform mayfly_private.prepare_storage();
end
$$;
