-- What clients read beside the tables. Views run with the caller's rights (security_invoker),
-- so row-level security decides what they show.

create view public.organization_overview with (security_invoker = true) as
select o.*,
  app.my_organization_role(o.id) as my_role,
  (select count(*) from public.projects as p
    where p.organization_id = o.id and p.deleted_at is null) as project_count,
  (select count(*) from public.organization_members as m
    where m.organization_id = o.id) as member_count
from public.organizations as o;

create view public.project_overview with (security_invoker = true) as
select p.*,
  o.slug as organization_slug,
  app.my_project_role(p.id) as my_role,
  (select count(*) from public.documents as d
    where d.project_id = p.id and d.deleted_at is null) as document_count,
  (select count(*) from public.requirements as r
    where r.project_id = p.id and r.deleted_at is null) as requirement_count
from public.projects as p
join public.organizations as o on o.id = p.organization_id;

-- A document as one text: what is alive in it, on one number line.
create view public.document_outline with (security_invoker = true) as
select b.document_id, b.project_id, b.organization_id, b.position, 'block' as source, b.id,
  null::text as key, b.kind, b.heading_level, null::text as title, b.body, b.content,
  null::text as rationale, null::text as status, null::text as priority, null::text as level,
  null::uuid as parent_id, b.version, b.updated_at
from public.document_blocks as b
where b.deleted_at is null
union all
select r.document_id, r.project_id, r.organization_id, r.position, 'requirement', r.id,
  r.key, r.kind, null, r.name, r.description, null,
  r.rationale, r.status, r.priority, r.level,
  r.parent_id, r.version, r.updated_at
from public.requirements as r
where r.deleted_at is null;

create view public.member_overview with (security_invoker = true) as
select 'organization' as scope, m.organization_id, o.slug as organization_slug,
  null::uuid as project_id, null::text as project_key,
  m.user_id, u.email, u.display_name, m.role, m.status, m.created_at
from public.organization_members as m
join public.organizations as o on o.id = m.organization_id
left join public.profiles as u on u.id = m.user_id
union all
select 'project', pm.organization_id, o.slug, pm.project_id, p.key,
  pm.user_id, u.email, u.display_name, pm.role, m.status, pm.created_at
from public.project_members as pm
join public.projects as p on p.id = pm.project_id
join public.organizations as o on o.id = pm.organization_id
join public.organization_members as m
  on m.organization_id = pm.organization_id and m.user_id = pm.user_id
left join public.profiles as u on u.id = pm.user_id;

-- The history with names: who did it is shown where the reader shares an organization with them.
create view public.item_history with (security_invoker = true) as
select v.item_id, v.version, v.type, v.key, v.op, v.at, v.actor,
  u.email as actor_email, u.display_name as actor_name,
  v.changed_fields, v.via, v.organization_id, v.project_id, v.snapshot
from public.revisions as v
left join public.profiles as u on u.id = v.actor;

revoke all on public.organization_overview, public.project_overview, public.document_outline,
  public.member_overview, public.item_history from public, anon, authenticated, service_role;
grant select on public.organization_overview, public.project_overview, public.document_outline,
  public.member_overview, public.item_history to authenticated, service_role;
