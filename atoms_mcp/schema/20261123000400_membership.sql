-- What happens by itself when tenancy rows are written: authorship, versions, the creator's
-- ownership, the last owner's protection, and the creation calls of the REST API.
--
-- Times are statement_timestamp(): one value for all rows of a request, and for what it cascades to.

-- Organizations and projects: stamp who and when, raise the version when something changed,
-- and let only the needed role delete and restore. Argument: the type.
create function app.stamp_tenant() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_user uuid := auth.uid();
begin
  if tg_op = 'INSERT' then
    new.version := 1;
    new.created_at := statement_timestamp();
    new.created_by := coalesce(v_user, new.created_by);
    new.updated_at := new.created_at;
    new.updated_by := new.created_by;
    new.deleted_at := null;
    new.deleted_by := null;
    return new;
  end if;

  new.id := old.id;
  new.version := old.version;
  new.created_at := old.created_at;
  new.created_by := old.created_by;
  new.updated_at := old.updated_at;
  new.updated_by := old.updated_by;
  new.deleted_by := old.deleted_by;
  if old.deleted_at is not null and new.deleted_at is not null then
    new.deleted_at := old.deleted_at;
  end if;
  if new is not distinct from old then
    return new;
  end if;

  if old.deleted_at is not null and new.deleted_at is not null then
    perform app.refuse_deleted(v_type);
  elsif new.deleted_at is distinct from old.deleted_at then
    perform app.require_tenant_role(
      old.id, v_type, case when new.deleted_at is null then 'restore' else 'delete' end);
    new.deleted_at := case when new.deleted_at is not null then statement_timestamp() end;
    new.deleted_by := case when new.deleted_at is not null then v_user end;
  end if;
  new.version := old.version + 1;
  new.updated_at := statement_timestamp();
  new.updated_by := coalesce(v_user, old.updated_by);
  return new;
end
$$;

create function app.require_tenant_role(p_id uuid, p_type text, p_operation text) returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if p_type = 'organization' then
    perform app.require_organization_role(p_id, p_type, p_operation);
  else
    perform app.require_project_role(p_id, p_type, p_operation);
  end if;
end
$$;

-- For the operator's direct writes; users have no column grant that gets here.
create function app.refuse_move(p_type text, p_column text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  raise exception 'the % of a % never changes', p_column, p_type
    using errcode = '23514', detail = 'immutable', hint = 'Create a new one and delete this one.';
end
$$;

create function app.refuse_deleted(p_type text) returns void
language plpgsql immutable set search_path = '' as $$
begin
  raise exception 'this % is deleted', p_type
    using errcode = '23514', detail = 'deleted',
    hint = format('Restore the %s first, then change it.', p_type);
end
$$;

create trigger stamp before insert or update on public.organizations
  for each row execute function app.stamp_tenant('organization');
create trigger stamp before insert or update on public.projects
  for each row execute function app.stamp_tenant('project');

-- A project never moves: its items' keys and every composite foreign key hang on it.
create function app.keep_project_place() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.organization_id <> old.organization_id then
    perform app.refuse_move('project', 'organization_id');
  elsif new.key <> old.key then
    perform app.refuse_move('project', 'key');
  end if;
  return new;
end
$$;
create trigger keep_place before update on public.projects
  for each row execute function app.keep_project_place();

create function app.own_new_organization() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.created_by is not null then
    insert into public.organization_members (organization_id, user_id, role, created_by)
    values (new.id, new.created_by, 'owner', new.created_by);
  end if;
  return null;
end
$$;
create trigger own after insert on public.organizations
  for each row execute function app.own_new_organization();

create function app.own_new_project() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.project_members (organization_id, project_id, user_id, role, created_by)
  select new.organization_id, new.id, m.user_id, 'owner', m.user_id
  from public.organization_members as m
  where m.organization_id = new.organization_id and m.user_id = new.created_by;
  return null;
end
$$;
create trigger own after insert on public.projects
  for each row execute function app.own_new_project();

-- Members: authorship, and nobody beside the owner in a personal organization.
create function app.stamp_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    new.created_at := statement_timestamp();
    new.created_by := coalesce(auth.uid(), new.created_by);
  else
    new.user_id := old.user_id;
    new.organization_id := old.organization_id;
    new.created_at := old.created_at;
    new.created_by := old.created_by;
  end if;
  new.updated_at := statement_timestamp();
  new.updated_by := coalesce(auth.uid(), new.updated_by, new.created_by);
  return new;
end
$$;
create trigger stamp before insert or update on public.organization_members
  for each row execute function app.stamp_member();
create trigger stamp before insert or update on public.project_members
  for each row execute function app.stamp_member();

-- Users have no grant to insert here. The row lock makes two writers at the same moment queue.
create function app.guard_new_organization_member() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_kind text;
begin
  select o.kind into v_kind from public.organizations as o
    where o.id = new.organization_id for no key update;
  if v_kind = 'personal' and exists (
      select from public.organization_members as m
      where m.organization_id = new.organization_id and m.user_id <> new.user_id) then
    raise exception 'a personal organization has one member only'
      using errcode = '23514', detail = 'personal_organization',
      hint = 'Create a team organization to work with others.';
  end if;
  return new;
end
$$;
create trigger guard before insert on public.organization_members
  for each row execute function app.guard_new_organization_member();

-- An organization keeps an active owner, unless the account or the organization itself goes.
create function app.guard_last_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.role <> 'owner' or old.status <> 'active'
      or tg_op = 'UPDATE' and new.role = 'owner' and new.status = 'active' then
    return coalesce(new, old);
  end if;
  perform from public.organizations as o where o.id = old.organization_id for no key update;
  if not found then
    return coalesce(new, old);
  end if;
  if not exists (select from auth.users as u where u.id = old.user_id) then
    update public.organizations as o set deleted_at = statement_timestamp()
      where o.id = old.organization_id and o.kind = 'personal';
    return coalesce(new, old);
  end if;
  if not exists (
      select from public.organization_members as m
      where m.organization_id = old.organization_id and m.user_id <> old.user_id
        and m.role = 'owner' and m.status = 'active') then
    raise exception 'an organization needs an owner, and this is the last one'
      using errcode = '23514', detail = 'last_owner',
      hint = 'Make somebody else an owner first.';
  end if;
  return coalesce(new, old);
end
$$;
create trigger guard_last_owner before update or delete on public.organization_members
  for each row execute function app.guard_last_owner();

create function app.guard_new_project_member() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if pg_trigger_depth() = 1 then
    perform app.require_project_role(new.project_id, 'project_member',
      case when new.role = 'owner' then 'grant_owner' else 'create' end);
  end if;
  select p.organization_id into new.organization_id
    from public.projects as p where p.id = new.project_id;
  return new;
end
$$;
create trigger guard before insert on public.project_members
  for each row execute function app.guard_new_project_member();

create function app.stamp_profile() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.created_at := old.created_at;
  new.updated_at := statement_timestamp();
  return new;
end
$$;
create trigger stamp before update on public.profiles
  for each row execute function app.stamp_profile();

-- The first of base, base-2, base-3 ... that is free; a random tail when many are taken.
create function app.nth_slug(p_base text, p_try integer) returns text
language sql volatile as $$
  select case
    when p_try = 1 then p_base
    when p_try <= 20 then p_base || '-' || p_try
    else p_base || '-' || left(replace(gen_random_uuid()::text, '-', ''), 8)
  end
$$;

-- Insert an organization under a slug derived from its name. NULL when p_id is taken.
-- `on conflict do nothing` waits for a parallel insert, so no race is left.
create function app.add_organization(
  p_id uuid, p_name text, p_slug_source text, p_description text, p_kind text, p_creator uuid
) returns public.organizations
language plpgsql security definer set search_path = '' as $$
declare
  v_row public.organizations;
  v_base text := app.organization_slug(p_slug_source);
begin
  for v_try in 1..30 loop
    insert into public.organizations (id, name, slug, description, kind, created_by)
    values (p_id, p_name, app.nth_slug(v_base, v_try), p_description, p_kind, p_creator)
    on conflict do nothing returning * into v_row;
    exit when found or exists (select from public.organizations as o where o.id = p_id);
  end loop;
  return v_row;
end
$$;

-- Create an organization owned by the caller. With p_id a repeated call returns the first
-- one's row; without p_slug one is derived from the name.
create function public.create_organization(
  p_name text, p_slug text default null, p_description text default null,
  p_kind text default 'team', p_id uuid default null
) returns public.organizations
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_id uuid := coalesce(p_id, gen_random_uuid());
  v_row public.organizations;
begin
  if v_user is null then
    raise exception 'only a signed-in user creates an organization'
      using errcode = '42501', detail = 'no_user', hint = 'Sign in first.';
  end if;
  if p_kind = 'personal' then
    raise exception 'an account gets its personal organization by itself'
      using errcode = '22023', detail = 'kind', hint = 'Use the kind team or enterprise.';
  end if;

  select * into v_row from public.organizations as o where o.id = p_id
    and o.created_by = v_user and o.id in (select app.my_orgs('guest'));
  if found then
    return v_row;
  end if;
  if p_slug is not null then
    insert into public.organizations (id, name, slug, description, kind, created_by)
    values (v_id, p_name, p_slug, p_description, coalesce(p_kind, 'team'), v_user)
    on conflict (id) do nothing returning * into v_row;
  else
    v_row := app.add_organization(
      v_id, p_name, p_name, p_description, coalesce(p_kind, 'team'), v_user);
  end if;
  if v_row.id is null then
    -- Somebody took the id between the two looks: our own replay, or a stranger's.
    select * into v_row from public.organizations as o where o.id = v_id
      and o.created_by = v_user and o.id in (select app.my_orgs('guest'));
    if not found then
      raise unique_violation using
        message = 'duplicate key value violates unique constraint "organizations_pkey"',
        constraint = 'organizations_pkey', hint = 'Use another p_id.';
    end if;
  end if;
  return v_row;
end
$$;

-- Create a project owned by the caller, who has to be a member of the organization (a guest
-- is not enough). Key and slug are derived from the name where absent.
create function public.create_project(
  p_organization uuid, p_name text, p_key text default null, p_slug text default null,
  p_description text default null, p_visibility text default 'organization',
  p_tags text[] default '{}', p_id uuid default null
) returns public.projects
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := auth.uid();
  v_row public.projects;
  v_key text := upper(p_key);
  v_slug text := p_slug;
  v_base text;
begin
  if v_user is null then
    raise exception 'only a signed-in user creates a project'
      using errcode = '42501', detail = 'no_user', hint = 'Sign in first.';
  end if;
  perform app.require_organization_role(p_organization, 'project', 'create');
  -- One project at a time per organization: what is looked up below stays true.
  perform from public.organizations as o
    where o.id = p_organization and o.deleted_at is null for no key update;
  if not found then
    perform app.refuse('project', 'create', null);
  end if;

  select * into v_row from public.projects as p where p.id = p_id
    and p.organization_id = p_organization and p.created_by = v_user
    and p.id in (select app.my_projects('viewer'));
  if found then
    return v_row;
  end if;
  if v_key is null then
    v_base := app.project_key(p_name);
    select c.key into v_key
    from (select n, v_base || case when n = 1 then '' else n::text end as key
          from generate_series(1, 10000) as n) as c
    where not exists (
      select from public.projects as p
      where p.organization_id = p_organization and p.key = c.key)
    order by c.n limit 1;
  end if;
  if v_slug is null then
    v_base := coalesce(nullif(app.slugify(p_name), ''), lower(v_key));
    select c.slug into v_slug
    from (select n, v_base || case when n = 1 then '' else '-' || n end as slug
          from generate_series(1, 10000) as n) as c
    where not exists (
      select from public.projects as p
      where p.organization_id = p_organization and p.slug = c.slug and p.deleted_at is null)
    order by c.n limit 1;
  end if;
  insert into public.projects
    (id, organization_id, key, name, slug, description, visibility, tags, created_by)
  values (coalesce(p_id, gen_random_uuid()), p_organization, v_key, p_name, v_slug, p_description,
    coalesce(p_visibility, 'organization'), coalesce(p_tags, '{}'), v_user)
  returning * into v_row;
  return v_row;
end
$$;

revoke all on all functions in schema app from public, anon;
revoke all on function public.create_organization(text, text, text, text, uuid),
  public.create_project(uuid, text, text, text, text, text, text[], uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.create_organization(text, text, text, text, uuid),
  public.create_project(uuid, text, text, text, text, text, text[], uuid)
  to authenticated;
