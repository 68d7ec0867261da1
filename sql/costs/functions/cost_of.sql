-- The exact cost of a call in US dollars. `input` counts all input tokens. Tokens that are read from or written to the
-- provider's cache cost what `units` says for them, or else the input price. `output` counts all output tokens,
-- including reasoning.

create function mayfly_private.cost_of(units jsonb, usage jsonb)
returns numeric
language plpgsql immutable
set search_path = ''
as $$
declare
  total constant numeric := coalesce((usage ->> 'input')::numeric, 0);
  cached constant numeric := coalesce((usage ->> 'cache_read')::numeric, 0);
  written constant numeric := coalesce((usage ->> 'cache_write')::numeric, 0);
  written_1h constant numeric := least(coalesce((usage ->> 'cache_write_1h')::numeric, 0), written);
  heard constant numeric := coalesce((usage ->> 'input_audio')::numeric, 0);
  spoken constant numeric := coalesce((usage ->> 'output_audio')::numeric, 0);
  output constant numeric := coalesce((usage ->> 'output')::numeric, 0);
  thought constant numeric := least(coalesce((usage ->> 'reasoning')::numeric, 0), greatest(0, output - spoken));
  per_input constant numeric := coalesce(mayfly_private.unit_price(units, 'input', total), 0);
  per_output constant numeric := coalesce(mayfly_private.unit_price(units, 'output', total), 0);
  per_write constant numeric := coalesce(mayfly_private.unit_price(units, 'cache_write', total), per_input);
begin
  return greatest(0, total - cached - written - heard) * per_input
    + cached * coalesce(mayfly_private.unit_price(units, 'cache_read', total), per_input)
    + (written - written_1h) * per_write
    + written_1h * coalesce(mayfly_private.unit_price(units, 'cache_write_1h', total), per_write)
    + heard * coalesce(mayfly_private.unit_price(units, 'input_audio', total), per_input)
    + greatest(0, output - spoken - thought) * per_output
    + thought * coalesce(mayfly_private.unit_price(units, 'output_reasoning', total), per_output)
    + spoken * coalesce(mayfly_private.unit_price(units, 'output_audio', total), per_output)
    + coalesce((usage ->> 'requests')::numeric, 1) * coalesce(mayfly_private.unit_price(units, 'requests', total), 0)
    + coalesce((usage ->> 'web_searches')::numeric, 0) * coalesce(mayfly_private.unit_price(units, 'web_searches', total), 0);
end
$$;

comment on function mayfly_private.cost_of is 'What a call of a model cost, in US dollars.';
