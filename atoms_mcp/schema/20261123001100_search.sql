-- Search over all item types.

-- The ids of one page of hits. SECURITY DEFINER for one reason: under row-level security an
-- operator that is not leakproof (`@@`) may not use the full-text index. So the caller's own
-- projects are taken first, from the function that the policies use, and search_items reads the
-- rows of this page again under the policies, which have the last word.
create function app.find_hits(
  p_words text, p_types text[], p_project uuid, p_organization uuid,
  p_limit integer, p_after_rank real, p_after_id uuid
) returns table (id uuid, rank real)
language plpgsql stable security definer set search_path = '' rows 20 as $$
declare
  v_query tsquery := websearch_to_tsquery('english', p_words);
  v_pattern text := '%' || replace(replace(replace(p_words, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  v_match text := 'i.search @@ $1';
  v_projects uuid[];
begin
  v_projects := array(
    select p.id from public.projects as p
    where p.id in (select app.my_projects(app.needed_role('item', 'read')))
      and (p_project is null or p.id = p_project)
      and (p_organization is null or p.organization_id = p_organization));
  -- Nothing but stop words and signs: look for them as they stand.
  if numnode(v_query) = 0 then
    v_match := 'i.title ilike $3';
  end if;
  -- Dynamic, so that each call is planned for its own words.
  return query execute format($sql$
    select h.id, h.rank from (
      select i.id, case when i.key = $2 then 1000::real else ts_rank(i.search, $1) end as rank
      from public.items as i
      where i.project_id = any ($4) and i.deleted_at is null
        and ($5 is null or i.type = any ($5)) and (%s or i.key = $2)) as h
    where $6 is null or h.rank < $6 or h.rank = $6 and h.id > $7
    order by h.rank desc, h.id
    limit $8 $sql$, v_match)
  using v_query, upper(p_words), v_pattern, v_projects, p_types, p_after_rank, p_after_id, p_limit;
end
$$;

-- Words as one types them into a web search ("exact words", or, -not), over what the caller may
-- read: an item whose key is the query first, then by rank. For the next page give rank and id of
-- the last row. A block has no key; document_id says where it stands.
create function public.search_items(
  p_query text, p_types text[] default null, p_project uuid default null,
  p_organization uuid default null, p_limit integer default 20,
  p_after_rank real default null, p_after_id uuid default null
) returns table (
  id uuid, type text, key text, title text, snippet text, status text, project_id uuid,
  document_id uuid, updated_at timestamptz, version integer, rank real)
language plpgsql stable security invoker set search_path = '' as $$
#variable_conflict use_column
declare
  v_words text := btrim(p_query);
  v_known text[] := array['document', 'requirement', 'block'];
begin
  if coalesce(v_words, '') = '' or char_length(v_words) > 1000 then
    raise exception 'the query has to have 1 to 1000 characters'
      using errcode = '22023', detail = 'p_query', hint = 'Give the words to look for.';
  end if;
  if not coalesce(p_types <@ v_known, true) then
    raise exception 'unknown type among %', p_types
      using errcode = '22023', detail = 'p_types',
      hint = format('Known types: %s.', array_to_string(v_known, ', '));
  end if;
  if (p_after_rank is null) <> (p_after_id is null) then
    raise exception 'p_after_rank and p_after_id go together'
      using errcode = '22023', detail = 'p_after_id', hint = 'Give both from the last row.';
  end if;
  return query
  select i.id, i.type, i.key, i.title,
    ts_headline('english', left(i.body, 4000), websearch_to_tsquery('english', v_words),
      'StartSel="", StopSel="", MaxFragments=1, MaxWords=30, MinWords=12'),
    i.status, i.project_id, i.document_id, i.updated_at, i.version, h.rank
  from app.find_hits(v_words, p_types, p_project, p_organization,
    least(greatest(coalesce(p_limit, 20), 1), 100), p_after_rank, p_after_id) as h
  join public.items as i on i.id = h.id
  order by h.rank desc, i.id;
end
$$;

revoke all on all functions in schema app from public, anon;
revoke all on function public.search_items(text, text[], uuid, uuid, integer, real, uuid)
  from public, anon, authenticated, service_role;
grant execute on function app.find_hits(text, text[], uuid, uuid, integer, real, uuid)
  to authenticated;
grant execute on function public.search_items(text, text[], uuid, uuid, integer, real, uuid)
  to authenticated;
