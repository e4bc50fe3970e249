-- What all items of a project share: one registry, one history, and the triggers that keep both.
--
-- An item table has the columns id, organization_id, project_id, document_id or none, key or
-- none, version, content_version, created_at/by, updated_at/by, deleted_at/by. Its triggers run
-- in the order of their names: before a row t1 (project of the document), t2 (stamp), t3 (place
-- in the document), t4 (parent), t5 (approval); after it u1 (registry), u2 (history).

-- One row per item whatever its type: real foreign keys for what hangs on an item, one look-up
-- by key, one full-text index, one policy. Written by trigger only.
create table public.items (
  id uuid primary key,
  organization_id uuid not null,
  project_id uuid not null,
  document_id uuid,
  type text not null,
  key text,
  title text not null,
  body text,
  status text,
  version integer not null,
  content_version integer not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  -- A vector holds one megabyte of lexemes at most; 100,000 characters always fit.
  search tsvector not null generated always as (
    setweight(to_tsvector('simple', coalesce(key, '')), 'A')
    -- The title of what has no key is only its first line.
    || setweight(to_tsvector('english', title), case when key is null then 'D' else 'A' end::"char")
    || setweight(to_tsvector('english', left(coalesce(body, ''), 100000)), 'B')) stored,
  constraint items_key_unique unique (organization_id, key),
  constraint items_in_organization unique (organization_id, id),
  constraint items_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade
);
create index items_search on public.items using gin (search) where deleted_at is null;
create index items_list on public.items (project_id, type, updated_at desc, id)
  where deleted_at is null;
create index items_project on public.items (project_id);
alter table public.items enable row level security;

-- Every state that an item, a project or an organization ever had. Append-only.
-- op: create, update, delete, restore. changed_fields: {} for create. via: what client it was.
create table public.revisions (
  item_id uuid not null,
  version integer not null,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  project_id uuid,
  type text not null,
  key text,
  op text not null check (op in ('create', 'update', 'delete', 'restore')),
  actor uuid,
  at timestamptz not null,
  changed_fields text[] not null default '{}',
  snapshot jsonb not null,
  via text,
  primary key (item_id, version),
  constraint revisions_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade
);
create index revisions_recent on public.revisions (project_id, at desc);
create index revisions_organization on public.revisions (organization_id) where project_id is null;
alter table public.revisions enable row level security;

revoke all on public.items, public.revisions from public, anon, authenticated, service_role;
grant select on public.items, public.revisions to authenticated, service_role;

create policy "viewers read" on public.items for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('item', 'read'))));
create policy "viewers read" on public.revisions for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('revision', 'read')))
    or project_id is null
      and organization_id in (select app.my_orgs(app.needed_role('organization', 'read'))));

-- The next human number of a kind in a project. Writers of one kind queue on the row.
create function app.next_number(p_project uuid, p_kind text) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
declare
  v_number bigint;
begin
  insert into public.project_counters as c (project_id, kind, last_value)
  values (p_project, p_kind, 1)
  on conflict (project_id, kind) do update set last_value = c.last_value + 1
  returning c.last_value into v_number;
  return v_number;
end
$$;

-- Before a row of an item table is inserted: who may, key, authorship, versions.
-- Arguments: type, prefix of the key ('' for none).
-- The role is asked for before anything is looked up or counted for the caller: a foreign
-- project answers like one that does not exist, and nobody moves another tenant's counter.
create function app.stamp_new_item() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_prefix text := tg_argv[1];
  v_user uuid := auth.uid();
  v_project_key text;
  v_rank integer;
begin
  select p.organization_id, p.key, app.effective_rank(m.role, p.visibility, pm.role)
  into new.organization_id, v_project_key, v_rank
  from public.projects as p
  join public.organizations as o on o.id = p.organization_id and o.deleted_at is null
  left join public.organization_members as m
    on m.organization_id = p.organization_id and m.user_id = v_user and m.status = 'active'
  left join public.project_members as pm on pm.project_id = p.id and pm.user_id = m.user_id
  where p.id = new.project_id and p.deleted_at is null;
  if v_project_key is null or (
      (v_rank >= app.project_rank(app.needed_role(v_type, 'create'))) is not true
      and not app.is_trusted()) then
    perform app.refuse(v_type, 'create', app.project_role_named(v_rank));
  end if;

  if v_prefix <> '' then
    new.key := v_project_key || '-' || v_prefix || '-'
      || app.next_number(new.project_id, v_prefix);
  end if;
  new.version := 1;
  new.content_version := 1;
  new.created_at := statement_timestamp();
  new.created_by := coalesce(v_user, new.created_by);
  new.updated_at := new.created_at;
  new.updated_by := new.created_by;
  new.deleted_at := null;
  new.deleted_by := null;
  return new;
end
$$;

-- Before a row of an item table is updated: versions move only when something changed,
-- content_version only when text did; deleting and restoring need their own role.
-- Arguments: type, the columns that are text, comma-separated.
create function app.stamp_changed_item() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_type text := tg_argv[0];
  v_user uuid := auth.uid();
  v_old jsonb;
  v_new jsonb;
begin
  if new.project_id <> old.project_id then
    perform app.refuse_move(v_type, 'project_id');
  end if;
  new.id := old.id;
  new.organization_id := old.organization_id;
  new.version := old.version;
  new.content_version := old.content_version;
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
    perform app.require_project_role(old.project_id, v_type,
      case when new.deleted_at is null then 'restore' else 'delete' end);
    new.deleted_at := case when new.deleted_at is not null then statement_timestamp() end;
    new.deleted_by := case when new.deleted_at is not null then v_user end;
  end if;
  v_old := to_jsonb(old);
  v_new := to_jsonb(new);
  new.version := old.version + 1;
  if exists (
      select from unnest(string_to_array(tg_argv[1], ',')) as c (name)
      where v_new -> c.name is distinct from v_old -> c.name) then
    new.content_version := new.version;
  end if;
  new.updated_at := statement_timestamp();
  new.updated_by := coalesce(v_user, old.updated_by);
  return new;
end
$$;

-- Items with a key: nobody writes it, not even the operator.
create function app.keep_key() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform app.refuse_move(tg_argv[0], 'key');
  return new;
end
$$;

-- Fires where a status becomes 'approved'. Argument: the type.
create function app.guard_approval() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform app.require_project_role(new.project_id, tg_argv[0], 'approve');
  return new;
end
$$;

-- Carry new items into the registry, all of a statement at once. Never an upsert: an id that
-- another item holds, maybe another tenant's, has to fail on the registry's key and not
-- overwrite that item. Argument: the type.
create function app.register_new_items() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.items (
    id, organization_id, project_id, document_id, type, key, title, body, status,
    version, content_version, updated_at)
  select n.id, n.organization_id, n.project_id, (j ->> 'document_id')::uuid, tg_argv[0],
    j ->> 'key', app.item_title(j), app.item_body(j), j ->> 'status',
    n.version, n.content_version, n.updated_at
  from new_rows as n, to_jsonb(n) as j;
  return null;
end
$$;

-- Changes go row by row: joining the two transition tables of a statement is a plan that was
-- chosen for one row and takes minutes for thousands. Text is written only where it changed,
-- because that computes the search vector anew.
create function app.register_changed_item() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_old jsonb := to_jsonb(old);
  v_new jsonb := to_jsonb(new);
begin
  if app.item_title(v_new) is distinct from app.item_title(v_old)
      or app.item_body(v_new) is distinct from app.item_body(v_old) then
    update public.items as i
      set title = app.item_title(v_new), body = app.item_body(v_new) where i.id = new.id;
  end if;
  update public.items as i
  set document_id = (v_new ->> 'document_id')::uuid, status = v_new ->> 'status',
    version = new.version, content_version = new.content_version,
    updated_at = new.updated_at, deleted_at = new.deleted_at
  where i.id = new.id;
  return null;
end
$$;

-- What the operator deletes for good leaves the registry, too. Its history stays.
create function app.forget_items() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.items as i using old_rows as o where i.id = o.id;
  return null;
end
$$;

-- The name, or for a block the first line of its text, or what kind of block it is.
create function app.item_title(p_row jsonb) returns text
language sql immutable parallel safe as $$
  select coalesce(
    p_row ->> 'name',
    nullif(btrim(left(split_part(ltrim(left(p_row ->> 'body', 1000)), E'\n', 1), 200)), ''),
    p_row ->> 'kind')
$$;

create function app.item_body(p_row jsonb) returns text
language sql immutable parallel safe as $$
  select nullif(concat_ws(E'\n\n', p_row ->> 'description', p_row ->> 'rationale',
    p_row ->> 'body', p_row ->> 'content'), '')
$$;

-- Write the first revision of new rows. Argument: the type.
create function app.record_new_rows() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_via text := app.client_name();
begin
  insert into public.revisions (
    item_id, version, organization_id, project_id, type, key, op, actor, at, snapshot, via)
  select n.id, n.version, coalesce((j ->> 'organization_id')::uuid, n.id),
    coalesce((j ->> 'project_id')::uuid, case when tg_argv[0] = 'project' then n.id end),
    tg_argv[0], j ->> 'key', 'create', n.created_by, n.created_at, j, v_via
  from new_rows as n, to_jsonb(n) as j;
  return null;
end
$$;

-- Write the revision of one changed row. Argument: the type.
create function app.record_change() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_old jsonb := to_jsonb(old);
  v_new jsonb := to_jsonb(new);
begin
  insert into public.revisions (
    item_id, version, organization_id, project_id, type, key, op, actor, at,
    changed_fields, snapshot, via)
  values (
    new.id, new.version, coalesce((v_new ->> 'organization_id')::uuid, new.id),
    coalesce((v_new ->> 'project_id')::uuid, case when tg_argv[0] = 'project' then new.id end),
    tg_argv[0], v_new ->> 'key',
    case
      when old.deleted_at is null and new.deleted_at is not null then 'delete'
      when old.deleted_at is not null and new.deleted_at is null then 'restore'
      else 'update'
    end,
    auth.uid(), new.updated_at,
    array(
      select f.key from jsonb_each(v_new) as f
      where f.value is distinct from v_old -> f.key and f.key <> all (
        array['version', 'content_version', 'updated_at', 'updated_by', 'deleted_by'])
      order by f.key),
    v_new, app.client_name());
  return null;
end
$$;

-- Rows of the history go only together with the project or organization they belong to.
create function app.keep_revisions() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' and not exists (
      select from public.organizations as o
      where o.id = old.organization_id and (old.project_id is null
        or exists (select from public.projects as p where p.id = old.project_id))) then
    return old;
  end if;
  raise exception 'the history is append-only'
    using errcode = '42501', detail = 'append_only',
    hint = 'Change the item; that adds a revision.';
end
$$;
create trigger keep before update or delete on public.revisions
  for each row execute function app.keep_revisions();

create trigger u2_record_new after insert on public.organizations
  referencing new table as new_rows
  for each statement execute function app.record_new_rows('organization');
create trigger u2_record_change after update on public.organizations
  for each row when (new.version <> old.version) execute function app.record_change('organization');
create trigger u2_record_new after insert on public.projects
  referencing new table as new_rows
  for each statement execute function app.record_new_rows('project');
create trigger u2_record_change after update on public.projects
  for each row when (new.version <> old.version) execute function app.record_change('project');

revoke all on all functions in schema app from public, anon;
