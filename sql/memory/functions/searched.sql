-- Normalises a text before it is parsed into words, for memories and questions alike. Texts that only look different
-- become the same: full width and ligatures (NFKC), marks that are separate from their letters, vowel marks of Arabic
-- and Hebrew, soft hyphens, and characters without width. Scripts without spaces between words (Chinese, Japanese, Thai
-- and similar), and Korean, whose endings are part of its words, become overlapping pairs of letters. Identifiers
-- (camelCase, HTTPServer, node.js, paths) stay, and their parts are appended to the text. C++ becomes cplusplus, C#
-- becomes csharp. Locks nothing.
--
-- < and > become spaces, because the parser would drop <staging> and Promise<RecallAnswer> as tags. The parser
-- splits 5e8f1c into a number and a word, so a hash that begins like this is added with an x before it. A text that
-- needs none of this takes 30 µs a KB. sdk/src/memory/searched.ts does the same for the local search.

create function mayfly_private.searched(content text)
returns text
language plpgsql immutable parallel safe
set search_path = ''
as $$
declare
  searched text := replace(replace(content, '<', ' '), '>', ' ');
  parts text;
begin
  if octet_length(searched) > char_length(searched) then
    -- Checking whether a text is normalised took ten times as long as looking for characters that are not.
    if searched ~ U&'[\00A0\00AA\00AD\00B2\00B3\00B5\00B9-\00BE\0300-\036F\0591-\05C7\0610-\061A\0622-\0625\0640\064B-\065F\0670\0671\093C\1100-\11FF\1D2C-\1D7F\2000-\200F\2028-\202F\205F-\208E\2100-\2149\2160-\217F\2460-\24FF\3000\3099\309A\3131-\318E\3200-\33FF\F900-\FAFF\FB00-\FBFF\FD3E-\FEFF\FF00-\FFEF\+01D400-\+01D7FF]' then
      searched := translate(normalize(translate(searched, U&'\00AD\200B\200C\200D\200E\200F\2060\FEFF\0640', ''), NFKC), U&'\0622\0623\0625\0671', U&'\0627\0627\0627\0627');
      searched := regexp_replace(searched, U&'[\0300-\036F\0591-\05BD\05BF\05C1\05C2\05C4\05C5\05C7\0610-\061A\064B-\065F\0670\FE00-\FE0F]+', '', 'g');
    end if;
    if searched ~ U&'[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF]' then
      searched := regexp_replace(searched, U&'((?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*){1,2})', ' \1 ', 'g')
        -- The other pairs, which start at the second letter of each run.
        || regexp_replace(regexp_replace(searched, U&'(?:^|[^\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]+)(?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*)?', ' ', 'g'),
          U&'((?:[\0E01-\0E30\0E32\0E33\0E40-\0E46\0E81-\0EB0\0EB2\0EB3\0EBD-\0EC6\0EDC-\0EDF\1000-\102A\103F\1050-\1055\1780-\17B3\3005-\3007\3041-\3096\309D-\30FF\3400-\4DBF\4E00-\9FFF\AC00-\D7AF\F900-\FAFF\+020000-\+03FFFF][\0E31\0E34-\0E3A\0E47-\0E4E\0EB1\0EB4-\0EBC\0EC8-\0ECE\102B-\103E\17B4-\17D3]*){1,2})', '\1 ', 'g');
    end if;
  end if;
  if strpos(searched, '++') > 0 then
    searched := regexp_replace(searched, '([A-Za-z])\+\+', '\1plusplus ', 'g');
  end if;
  if strpos(searched, '#') > 0 then
    searched := regexp_replace(searched, '\m([CcFf])#', '\1sharp ', 'g');
  end if;
  -- Every identifier contains one of these. Most questions contain none, and taking parts is a statement of its own.
  if searched !~ '[a-z0-9][A-Z]|[A-Z]{2}[a-z]|[A-Za-z0-9_][./\\:@][A-Za-z0-9_]|[0-9]e[0-9]' then
    return searched;
  end if;
  parts := (
    select string_agg(found.it[1], ' ')
    from regexp_matches(searched,
      '([A-Za-z0-9_]*(?:[a-z0-9][A-Z]|[A-Z]{2}[a-z])[A-Za-z0-9_./\\:@]*|[A-Za-z0-9_]+(?:[./\\:@][A-Za-z0-9_]+)+|\m[0-9]+e[0-9]+[a-z][a-z0-9]*)', 'g') found (it));
  if parts is null then
    return searched;
  end if;
  return searched || ' ' || regexp_replace(regexp_replace(regexp_replace(regexp_replace(parts,
    '([a-z0-9])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'), '[./\\:@]+', ' ', 'g'),
    '\m([0-9]+e[0-9]+[a-z])', 'x\1', 'g');
end
$$;

comment on function mayfly_private.searched is 'Prepares a text for parsing into words.';
