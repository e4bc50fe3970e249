-- Where a user works by default: a default only, kept per person and not per connection.

create table public.user_context (
  user_id uuid primary key default auth.uid() references auth.users (id) on delete cascade,
  organization_id uuid references public.organizations (id) on delete set null,
  project_id uuid references public.projects (id) on delete set null,
  document_id uuid references public.documents (id) on delete set null,
  recent jsonb not null default '[]' check (
    case when jsonb_typeof(recent) = 'array' then jsonb_array_length(recent) <= 20 else false end
    and octet_length(recent::text) <= 16384
    and not jsonb_path_exists(recent, '$.**{64 to last}')
    and not jsonb_path_exists(recent, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))')),
  updated_at timestamptz not null default now()
);
alter table public.user_context enable row level security;

revoke all on public.user_context from public, anon, authenticated, service_role;
-- The key is in the update list because an upsert through the REST API writes every column.
grant select, insert (user_id, organization_id, project_id, document_id, recent),
  update (user_id, organization_id, project_id, document_id, recent), delete
  on public.user_context to authenticated;
grant select, insert, update, delete on public.user_context to service_role;

create policy "own row" on public.user_context for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- The three places have to fit together and be in sight; wider places are filled in from the
-- narrowest. What is out of sight answers like what does not exist.
create function app.guard_context() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid;
  v_organization uuid;
begin
  new.updated_at := statement_timestamp();
  if app.is_trusted() then
    return new;
  end if;
  if new.document_id is not null then
    select d.project_id into v_project from public.documents as d
      where d.id = new.document_id and d.project_id in (select app.my_projects('viewer'));
    if v_project is null or v_project <> coalesce(new.project_id, v_project) then
      perform app.refuse_context('document', 'project');
    end if;
    new.project_id := v_project;
  end if;
  if new.project_id is not null then
    select p.organization_id into v_organization from public.projects as p
      where p.id = new.project_id and p.id in (select app.my_projects('viewer'));
    if v_organization is null
        or v_organization <> coalesce(new.organization_id, v_organization) then
      perform app.refuse_context('project', 'organization');
    end if;
    new.organization_id := v_organization;
  elsif new.organization_id is not null
      and new.organization_id not in (select app.my_orgs('guest')) then
    raise exception 'no such organization'
      using errcode = '23503', detail = 'context_organization',
      hint = 'Name one of your organizations.';
  end if;
  return new;
end
$$;

create function app.refuse_context(p_inner text, p_outer text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  raise exception 'no such %, or it is not in that %', p_inner, p_outer
    using errcode = '23503', detail = 'context_' || p_inner,
    hint = format('Name a %s that you can read, and leave the %s to be filled in.',
      p_inner, p_outer);
end
$$;

create trigger guard before insert or update on public.user_context
  for each row execute function app.guard_context();

revoke all on all functions in schema app from public, anon;
