-- Documents and the blocks of text, tables and pictures in them. A document's blocks and
-- requirements share one number line of positions.

create table public.documents (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  project_id uuid not null,
  key text not null,
  name text not null check (char_length(name) <= 200 and btrim(name) <> ''),
  description text check (char_length(description) <= 100000),
  status text not null default 'draft'
    check (status in ('draft', 'in_review', 'approved', 'archived')),
  tags text[] not null default '{}'
    check (cardinality(tags) <= 50 and array_position(tags, null) is null
      and octet_length(array_to_string(tags, ',')) <= 4000),
  version integer not null default 1,
  content_version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  constraint documents_in_project unique (project_id, id),
  constraint documents_key_unique unique (organization_id, key),
  constraint documents_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade
);
create index documents_list on public.documents (project_id, updated_at desc, id)
  where deleted_at is null;
alter table public.documents enable row level security;

create table public.document_blocks (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  project_id uuid not null,
  document_id uuid not null,
  kind text not null default 'text'
    check (kind in ('heading', 'text', 'table', 'image', 'code')),
  heading_level smallint check (heading_level between 1 and 6),
  body text check (char_length(body) <= 100000),
  content jsonb check (octet_length(content::text) <= 262144
    and not jsonb_path_exists(content, '$.**{64 to last}')
    and not jsonb_path_exists(content, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))')),
  -- Within what JSON numbers hold exactly, with room to append.
  position bigint not null check (abs(position) < 4503599627370496),
  version integer not null default 1,
  content_version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  constraint document_blocks_in_project unique (project_id, id),
  constraint document_blocks_has_content check (body is not null or content is not null),
  constraint document_blocks_heading check (
    kind <> 'heading' or heading_level is not null and btrim(coalesce(body, '')) <> ''),
  constraint document_blocks_document foreign key (project_id, document_id)
    references public.documents (project_id, id) on delete cascade,
  constraint document_blocks_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade
);
create index document_blocks_place on public.document_blocks (document_id, position, id);
create index document_blocks_list on public.document_blocks (project_id, updated_at desc, id)
  where deleted_at is null;
alter table public.document_blocks enable row level security;

revoke all on public.documents, public.document_blocks
  from public, anon, authenticated, service_role;
grant select on public.documents, public.document_blocks to authenticated;
grant select, insert, update, delete on public.documents, public.document_blocks to service_role;
grant insert (id, project_id, name, description, status, tags),
  update (name, description, status, tags, deleted_at) on public.documents to authenticated;
grant insert (id, project_id, document_id, kind, heading_level, body, content, position),
  update (document_id, kind, heading_level, body, content, position, deleted_at)
  on public.document_blocks to authenticated;

create policy "viewers read" on public.documents for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('document', 'read'))));
create policy "editors write" on public.documents for insert to authenticated
  with check (project_id in (select app.my_projects(app.needed_role('document', 'create'))));
create policy "editors change" on public.documents for update to authenticated
  using (project_id in (select app.my_projects(app.needed_role('document', 'update'))))
  with check (project_id in (select app.my_projects(app.needed_role('document', 'update'))));

create policy "viewers read" on public.document_blocks for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('block', 'read'))));
create policy "editors write" on public.document_blocks for insert to authenticated
  with check (project_id in (select app.my_projects(app.needed_role('block', 'create'))));
create policy "editors change" on public.document_blocks for update to authenticated
  using (project_id in (select app.my_projects(app.needed_role('block', 'update'))))
  with check (project_id in (select app.my_projects(app.needed_role('block', 'update'))));

-- What is put into a document needs not name the project as well.
create function app.fill_project() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select d.project_id into new.project_id from public.documents as d where d.id = new.document_id;
  return new;
end
$$;

-- A place in an alive document: the end of it where no position is given. The shared lock makes
-- a deletion of the document at the same moment wait, and then take the new row with it.
create function app.place_in_document() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_deleted_at timestamptz;
begin
  select d.deleted_at into v_deleted_at from public.documents as d
    where d.id = new.document_id and d.project_id = new.project_id for share;
  if v_deleted_at is not null and new.deleted_at is null then
    perform app.refuse_deleted('document');
  end if;
  if tg_op = 'UPDATE' and new.document_id <> old.document_id and new.position = old.position then
    new.position := null;
  end if;
  if new.position is null then
    new.position := 1024 + greatest(
      0,
      (select b.position from public.document_blocks as b
        where b.document_id = new.document_id order by b.position desc limit 1),
      (select r.position from public.requirements as r
        where r.document_id = new.document_id order by r.position desc limit 1));
  end if;
  return new;
end
$$;

-- A deleted document takes what is alive in it along, and brings exactly that back.
create function app.cascade_document() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.deleted_at is not null then
    update public.document_blocks as b set deleted_at = new.deleted_at
      where b.document_id = new.id and b.deleted_at is null;
    update public.requirements as r set deleted_at = new.deleted_at
      where r.document_id = new.id and r.deleted_at is null;
  else
    update public.document_blocks as b set deleted_at = null
      where b.document_id = new.id and b.deleted_at = old.deleted_at;
    update public.requirements as r set deleted_at = null
      where r.document_id = new.id and r.deleted_at = old.deleted_at;
  end if;
  return null;
end
$$;

create trigger t2_stamp_new before insert on public.documents
  for each row execute function app.stamp_new_item('document', 'DOC');
create trigger t2_stamp_change before update on public.documents
  for each row execute function app.stamp_changed_item('document', 'name,description');
create trigger t1_keep_key before update on public.documents
  for each row when (new.key <> old.key) execute function app.keep_key('document');
create trigger t5_approve_new before insert on public.documents
  for each row when (new.status = 'approved') execute function app.guard_approval('document');
create trigger t5_approve_change before update on public.documents
  for each row when (new.status = 'approved' and old.status <> 'approved')
  execute function app.guard_approval('document');
create trigger u1_register_new after insert on public.documents
  referencing new table as new_rows
  for each statement execute function app.register_new_items('document');
create trigger u1_register_change after update on public.documents
  for each row when (new.version <> old.version)
  execute function app.register_changed_item();
create trigger u1_forget after delete on public.documents
  referencing old table as old_rows
  for each statement execute function app.forget_items();
create trigger u2_record_new after insert on public.documents
  referencing new table as new_rows
  for each statement execute function app.record_new_rows('document');
create trigger u2_record_change after update on public.documents
  for each row when (new.version <> old.version) execute function app.record_change('document');
create trigger u3_cascade after update on public.documents
  for each row when (new.deleted_at is distinct from old.deleted_at)
  execute function app.cascade_document();

create trigger t1_fill_project before insert on public.document_blocks
  for each row when (new.project_id is null) execute function app.fill_project();
create trigger t2_stamp_new before insert on public.document_blocks
  for each row execute function app.stamp_new_item('block', '');
create trigger t2_stamp_change before update on public.document_blocks
  for each row execute function app.stamp_changed_item('block', 'body,content');
create trigger t3_place_new before insert on public.document_blocks
  for each row execute function app.place_in_document();
create trigger t3_place_change before update on public.document_blocks
  for each row when (new.document_id <> old.document_id or new.position is null
    or new.deleted_at is null and old.deleted_at is not null)
  execute function app.place_in_document();
create trigger u1_register_new after insert on public.document_blocks
  referencing new table as new_rows
  for each statement execute function app.register_new_items('block');
create trigger u1_register_change after update on public.document_blocks
  for each row when (new.version <> old.version)
  execute function app.register_changed_item();
create trigger u1_forget after delete on public.document_blocks
  referencing old table as old_rows
  for each statement execute function app.forget_items();
create trigger u2_record_new after insert on public.document_blocks
  referencing new table as new_rows
  for each statement execute function app.record_new_rows('block');
create trigger u2_record_change after update on public.document_blocks
  for each row when (new.version <> old.version) execute function app.record_change('block');

revoke all on all functions in schema app from public, anon;
