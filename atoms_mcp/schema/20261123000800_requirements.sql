-- Requirements: items of a document, with a hierarchy inside the project.

create table public.requirements (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null,
  project_id uuid not null,
  document_id uuid not null,
  parent_id uuid,
  key text not null,
  external_id text check (char_length(external_id) between 1 and 200),
  -- Within what JSON numbers hold exactly, with room to append.
  position bigint not null check (abs(position) < 4503599627370496),
  name text not null check (char_length(name) <= 300 and btrim(name) <> ''),
  description text check (char_length(description) <= 100000),
  rationale text check (char_length(rationale) <= 20000),
  status text not null default 'draft' check (status in (
    'draft', 'in_review', 'approved', 'rejected', 'in_progress', 'active', 'archived')),
  priority text not null default 'medium'
    check (priority in ('low', 'medium', 'high', 'critical')),
  level text not null default 'system' check (level in ('system', 'subsystem', 'component')),
  format text not null default 'other' check (format in ('ears', 'incose', 'other')),
  kind text not null default 'functional' check (kind in (
    'functional', 'performance', 'interface', 'safety', 'security', 'usability', 'reliability',
    'constraint', 'other')),
  verification text[] not null default '{}' check (
    verification <@ array['analysis', 'demonstration', 'inspection', 'test']
    and cardinality(verification) <= 4),
  tags text[] not null default '{}'
    check (cardinality(tags) <= 50 and array_position(tags, null) is null
      and octet_length(array_to_string(tags, ',')) <= 4000),
  fields jsonb not null default '{}'
    check (jsonb_typeof(fields) = 'object' and octet_length(fields::text) <= 65536
      and not jsonb_path_exists(fields, '$.**{64 to last}')
      and not jsonb_path_exists(fields, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))')),
  source text check (char_length(source) <= 2000),
  version integer not null default 1,
  content_version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  constraint requirements_in_project unique (project_id, id),
  constraint requirements_key_unique unique (organization_id, key),
  constraint requirements_document foreign key (project_id, document_id)
    references public.documents (project_id, id) on delete cascade,
  constraint requirements_parent foreign key (project_id, parent_id)
    references public.requirements (project_id, id),
  constraint requirements_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade
);
create index requirements_place on public.requirements (document_id, position, id);
create index requirements_list on public.requirements (project_id, updated_at desc, id)
  where deleted_at is null;
create index requirements_children on public.requirements (parent_id) where parent_id is not null;
create unique index requirements_external_id_unique on public.requirements (project_id, external_id)
  where external_id is not null and deleted_at is null;
alter table public.requirements enable row level security;

revoke all on public.requirements from public, anon, authenticated, service_role;
grant select on public.requirements to authenticated;
grant select, insert, update, delete on public.requirements to service_role;
grant
  insert (id, project_id, document_id, parent_id, external_id, position, name, description,
    rationale, status, priority, level, format, kind, verification, tags, fields, source),
  update (document_id, parent_id, external_id, position, name, description, rationale, status,
    priority, level, format, kind, verification, tags, fields, source, deleted_at)
  on public.requirements to authenticated;

create policy "viewers read" on public.requirements for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('requirement', 'read'))));
create policy "editors write" on public.requirements for insert to authenticated
  with check (project_id in (select app.my_projects(app.needed_role('requirement', 'create'))));
create policy "editors change" on public.requirements for update to authenticated
  using (project_id in (select app.my_projects(app.needed_role('requirement', 'update'))))
  with check (project_id in (select app.my_projects(app.needed_role('requirement', 'update'))));

-- The parent has to be alive, and no ancestor may be its own descendant. Changes of the
-- hierarchy of one project queue, or two of them at the same moment could close a ring.
-- A parent that is not there yet (later in the same batch) is left to the foreign key.
create function app.guard_parent() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('requirement tree ' || new.project_id, 0));
  if exists (
      select from public.requirements as r
      where r.id = new.parent_id and r.project_id = new.project_id and r.deleted_at is not null)
  then
    perform app.refuse_deleted('requirement');
  end if;
  if exists (
      with recursive up (id) as (
        select new.parent_id
        union
        select r.parent_id from up join public.requirements as r on r.id = up.id
        where r.parent_id is not null)
      select from up where up.id = new.id) then
    raise exception 'a requirement cannot be its own ancestor'
      using errcode = '23514', detail = 'parent_cycle',
      hint = 'Choose a parent that is not below this requirement.';
  end if;
  return new;
end
$$;

create trigger t1_fill_project before insert on public.requirements
  for each row when (new.project_id is null) execute function app.fill_project();
create trigger t1_keep_key before update on public.requirements
  for each row when (new.key <> old.key) execute function app.keep_key('requirement');
create trigger t2_stamp_new before insert on public.requirements
  for each row execute function app.stamp_new_item('requirement', 'REQ');
create trigger t2_stamp_change before update on public.requirements
  for each row execute function app.stamp_changed_item(
    'requirement', 'name,description,rationale');
create trigger t3_place_new before insert on public.requirements
  for each row execute function app.place_in_document();
create trigger t3_place_change before update on public.requirements
  for each row when (new.document_id <> old.document_id or new.position is null
    or new.deleted_at is null and old.deleted_at is not null)
  execute function app.place_in_document();
create trigger t4_parent_new before insert on public.requirements
  for each row when (new.parent_id is not null) execute function app.guard_parent();
create trigger t4_parent_change before update on public.requirements
  for each row when (new.parent_id is not null and new.parent_id is distinct from old.parent_id)
  execute function app.guard_parent();
create trigger t5_approve_new before insert on public.requirements
  for each row when (new.status = 'approved') execute function app.guard_approval('requirement');
create trigger t5_approve_change before update on public.requirements
  for each row when (new.status = 'approved' and old.status <> 'approved')
  execute function app.guard_approval('requirement');
create trigger u1_register_new after insert on public.requirements
  referencing new table as new_rows
  for each statement execute function app.register_new_items('requirement');
create trigger u1_register_change after update on public.requirements
  for each row when (new.version <> old.version)
  execute function app.register_changed_item();
create trigger u1_forget after delete on public.requirements
  referencing old table as old_rows
  for each statement execute function app.forget_items();
create trigger u2_record_new after insert on public.requirements
  referencing new table as new_rows
  for each statement execute function app.record_new_rows('requirement');
create trigger u2_record_change after update on public.requirements
  for each row when (new.version <> old.version) execute function app.record_change('requirement');

revoke all on all functions in schema app from public, anon;
