-- Who may see and change tenancy: set functions, refusals, policies.
--
-- Policies compare with a SET (`project_id in (select app.my_projects(...))`): it is computed
-- once per statement. A boolean function per row costs a thousand times as much on large tables.
-- The set functions are SECURITY DEFINER, so no policy can recurse into another.

-- Organizations in which the caller is at least p_role; with p_deleted the deleted ones instead.
create function app.my_orgs(p_role text, p_deleted boolean default false) returns setof uuid
language sql stable security definer set search_path = '' rows 10 as $$
  select m.organization_id
  from public.organization_members as m
  join public.organizations as o on o.id = m.organization_id
  where m.user_id = (select auth.uid())
    and m.status = 'active'
    and (o.deleted_at is not null) = p_deleted
    and app.organization_rank(m.role) >= app.organization_rank(p_role)
$$;

-- Projects in which the caller is at least p_role; with p_deleted the deleted ones instead.
-- Nothing inside a deleted organization.
create function app.my_projects(p_role text, p_deleted boolean default false) returns setof uuid
language sql stable security definer set search_path = '' rows 50 as $$
  select p.id
  from public.organization_members as m
  join public.organizations as o on o.id = m.organization_id and o.deleted_at is null
  join public.projects as p on p.organization_id = o.id
  left join public.project_members as pm on pm.project_id = p.id and pm.user_id = m.user_id
  where m.user_id = (select auth.uid())
    and m.status = 'active'
    and (p.deleted_at is not null) = p_deleted
    and app.effective_rank(m.role, p.visibility, pm.role) >= app.project_rank(p_role)
$$;

-- Everybody who shares an organization with the caller, the caller included.
create function app.my_colleagues() returns setof uuid
language sql stable security definer set search_path = '' rows 100 as $$
  select m.user_id
  from public.organization_members as m
  where m.organization_id in (select app.my_orgs('guest'))
$$;

create function app.my_organization_role(p_organization uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select m.role from public.organization_members as m
    where m.organization_id = p_organization and m.user_id = auth.uid() and m.status = 'active');
end
$$;

-- The caller's rank in one project, deleted or not; 0 for a stranger and for no such project.
create function app.my_project_rank(p_project uuid) returns integer
language plpgsql stable security definer set search_path = '' as $$
begin
  return coalesce((
    select app.effective_rank(m.role, p.visibility, pm.role)
    from public.projects as p
    join public.organizations as o on o.id = p.organization_id and o.deleted_at is null
    join public.organization_members as m
      on m.organization_id = p.organization_id and m.user_id = auth.uid() and m.status = 'active'
    left join public.project_members as pm on pm.project_id = p.id and pm.user_id = m.user_id
    where p.id = p_project), 0);
end
$$;

create function app.my_project_role(p_project uuid) returns text
language sql stable security definer set search_path = '' as $$
  select app.project_role_named(app.my_project_rank(p_project))
$$;

-- Refuse in words: 42501, detail = the rule's name, hint = what to do next. The answer is the
-- same for a project that is out of sight and for one that does not exist.
create function app.refuse(p_type text, p_operation text, p_held text) returns void
language plpgsql stable set search_path = '' as $$
declare
  v_needed text := app.needed_role(p_type, p_operation);
  v_scope text := app.role_scope(p_type, p_operation);
begin
  if p_held is null then
    raise exception 'no such %, or you have no role in it', v_scope
      using errcode = '42501', detail = 'no_role',
      hint = format('%s %s needs the %s role %s.', p_operation, p_type, v_scope, v_needed);
  end if;
  raise exception '% % needs the % role %, yours is %',
      p_operation, p_type, v_scope, v_needed, p_held
    using errcode = '42501', detail = 'role_too_low',
    hint = format('Ask who administers the %s for the role %s.', v_scope, v_needed);
end
$$;

create function app.require_project_role(p_project uuid, p_type text, p_operation text)
returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  v_rank integer;
begin
  if app.is_trusted() then
    return;
  end if;
  v_rank := app.my_project_rank(p_project);
  if (v_rank >= app.project_rank(app.needed_role(p_type, p_operation))) is not true then
    perform app.refuse(p_type, p_operation, app.project_role_named(v_rank));
  end if;
end
$$;

create function app.require_organization_role(p_organization uuid, p_type text, p_operation text)
returns void
language plpgsql stable security definer set search_path = '' as $$
declare
  v_role text;
begin
  if app.is_trusted() then
    return;
  end if;
  v_role := app.my_organization_role(p_organization);
  if (app.organization_rank(v_role)
      >= app.organization_rank(app.needed_role(p_type, p_operation))) is not true then
    perform app.refuse(p_type, p_operation, v_role);
  end if;
end
$$;

revoke all on all functions in schema app from public, anon;
grant execute on function app.my_orgs(text, boolean), app.my_projects(text, boolean),
  app.my_colleagues(), app.my_organization_role(uuid), app.my_project_role(uuid)
  to authenticated, service_role;

create policy "colleagues read" on public.profiles for select to authenticated
  using (id = (select auth.uid()) or id in (select app.my_colleagues()));
create policy "self updates" on public.profiles for update to authenticated
  using (id = (select auth.uid())) with check (id = (select auth.uid()));

create policy "members read, restorers read deleted" on public.organizations
  for select to authenticated
  using (id in (select app.my_orgs(app.needed_role('organization', 'read')))
    or id in (select app.my_orgs(app.needed_role('organization', 'restore'), true)));
create policy "admins update, restorers restore" on public.organizations
  for update to authenticated
  using (id in (select app.my_orgs(app.needed_role('organization', 'update')))
    or id in (select app.my_orgs(app.needed_role('organization', 'restore'), true)))
  with check (id in (select app.my_orgs(app.needed_role('organization', 'update')))
    or id in (select app.my_orgs(app.needed_role('organization', 'restore'), true)));

create policy "members read" on public.organization_members for select to authenticated
  using (organization_id in (select app.my_orgs(app.needed_role('organization_member', 'read'))));
create policy "admins update, owners update owners" on public.organization_members
  for update to authenticated
  using (
    organization_id in (select app.my_orgs(app.needed_role('organization_member', 'update')))
    and (role <> 'owner' or organization_id in
      (select app.my_orgs(app.needed_role('organization_member', 'grant_owner')))))
  with check (
    organization_id in (select app.my_orgs(app.needed_role('organization_member', 'update')))
    and (role <> 'owner' or organization_id in
      (select app.my_orgs(app.needed_role('organization_member', 'grant_owner')))));
create policy "admins remove, owners remove owners, anybody leaves" on public.organization_members
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or organization_id in (select app.my_orgs(app.needed_role('organization_member', 'delete')))
      and (role <> 'owner' or organization_id in
        (select app.my_orgs(app.needed_role('organization_member', 'grant_owner')))));

create policy "viewers read, restorers read deleted" on public.projects
  for select to authenticated
  using (id in (select app.my_projects(app.needed_role('project', 'read')))
    or id in (select app.my_projects(app.needed_role('project', 'restore'), true)));
create policy "admins update, restorers restore" on public.projects for update to authenticated
  using (id in (select app.my_projects(app.needed_role('project', 'update')))
    or id in (select app.my_projects(app.needed_role('project', 'restore'), true)))
  with check (id in (select app.my_projects(app.needed_role('project', 'update')))
    or id in (select app.my_projects(app.needed_role('project', 'restore'), true)));

create policy "viewers read" on public.project_members for select to authenticated
  using (project_id in (select app.my_projects(app.needed_role('project_member', 'read'))));
create policy "admins add, owners add owners" on public.project_members for insert to authenticated
  with check (
    project_id in (select app.my_projects(app.needed_role('project_member', 'create')))
    and (role <> 'owner' or project_id in
      (select app.my_projects(app.needed_role('project_member', 'grant_owner')))));
create policy "admins update, owners update owners" on public.project_members
  for update to authenticated
  using (
    project_id in (select app.my_projects(app.needed_role('project_member', 'update')))
    and (role <> 'owner' or project_id in
      (select app.my_projects(app.needed_role('project_member', 'grant_owner')))))
  with check (
    project_id in (select app.my_projects(app.needed_role('project_member', 'update')))
    and (role <> 'owner' or project_id in
      (select app.my_projects(app.needed_role('project_member', 'grant_owner')))));
create policy "admins remove, owners remove owners, anybody leaves" on public.project_members
  for delete to authenticated
  using (
    user_id = (select auth.uid())
    or project_id in (select app.my_projects(app.needed_role('project_member', 'delete')))
      and (role <> 'owner' or project_id in
        (select app.my_projects(app.needed_role('project_member', 'grant_owner')))));
