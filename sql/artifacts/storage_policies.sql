-- Makes the bucket and its policies where the project has Storage; elsewhere artifacts answer not_configured.

do $$
begin
  -- What the policies call has to be there first.
  if to_regprocedure('mayfly_private.may_write_file(text)') is null or to_regprocedure('mayfly_private.may_delete_file(text)') is null
    or to_regprocedure('mayfly_private.file_tenants()') is null then
    raise exception 'The functions that decide about files are missing.';
  end if;
  perform mayfly_private.prepare_storage();
end
$$;
