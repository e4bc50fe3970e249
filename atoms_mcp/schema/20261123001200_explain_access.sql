-- What a refusal is explained with: the role held, the role needed, and who can give it.

-- Up to five people who can raise the caller to p_needed, those of the least power first.
create function app.granters(
  p_scope text, p_organization uuid, p_project uuid, p_needed text
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_operation text := case when p_needed = 'owner' then 'grant_owner' else 'update' end;
  v_least text := app.needed_role(p_scope || '_member', v_operation);
begin
  return coalesce((
    select jsonb_agg(jsonb_build_object(
      'display_name', g.display_name, 'email', g.email, 'role', g.role) order by g.rank, g.email)
    from (
      select u.display_name, u.email, r.rank,
        case when p_scope = 'project' then app.project_role_named(r.rank) else m.role end as role
      from public.organization_members as m
      left join public.projects as p
        on p_scope = 'project' and p.id = p_project and p.organization_id = m.organization_id
      left join public.project_members as pm on pm.project_id = p.id and pm.user_id = m.user_id
      join public.profiles as u on u.id = m.user_id
      cross join lateral (
        select case when p_scope = 'project'
          then app.effective_rank(m.role, p.visibility, pm.role)
          else app.organization_rank(m.role) end as rank) as r
      where m.organization_id = p_organization and m.status = 'active'
        and m.user_id <> auth.uid()
        and r.rank >= case when p_scope = 'project'
          then app.project_rank(v_least) else app.organization_rank(v_least) end
      order by r.rank, u.email
      limit 5) as g), '[]');
end
$$;

-- May the caller do p_operation on p_type here, and if not, who can help? The answer for a place
-- out of sight is the answer for a place that does not exist: no role, nobody named.
-- p_type: a type of needed_role, or 'member' (of the project where one is given).
-- p_operation: an operation of needed_role, or list, search, history (all: read).
create function public.explain_access(
  p_type text, p_operation text, p_project uuid default null, p_organization uuid default null
) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  v_type text := case when p_type <> 'member' then p_type
    when p_project is not null then 'project_member' else 'organization_member' end;
  v_operation text := case when p_operation in ('list', 'search', 'history') then 'read'
    else p_operation end;
  v_needed text := app.needed_role(v_type, v_operation);
  v_scope text := app.role_scope(v_type, v_operation);
  v_organization uuid := p_organization;
  v_role text;
  v_is_deleted boolean;
  v_is_allowed boolean;
begin
  if auth.uid() is null then
    raise exception 'only a signed-in user has access to explain'
      using errcode = '42501', detail = 'no_user', hint = 'Sign in first.';
  end if;
  if v_needed is null then
    raise exception 'unknown type or operation: %, %', p_type, p_operation
      using errcode = '22023', detail = 'p_operation',
      hint = 'Types: organization, project, member, document, block, requirement, profile. '
        'Operations: read, create, update, delete, restore, approve, grant_owner.';
  end if;
  if p_project is not null then
    v_role := app.my_project_role(p_project);
    select p.organization_id, p.deleted_at is not null into v_organization, v_is_deleted
      from public.projects as p
      where p.id = p_project and v_role is not null
        and (p_organization is null or p.organization_id = p_organization);
    -- A deleted project is in the sight of those who may restore it, and nothing inside it.
    if v_is_deleted and (v_type <> 'project' or app.project_rank(v_role)
        < app.project_rank(app.needed_role('project', 'restore'))) then
      v_organization := null;
    end if;
    v_role := case when v_organization is not null then v_role end;
  end if;
  if v_scope <> 'project' then
    v_organization := coalesce(p_organization, v_organization);
    v_role := app.my_organization_role(v_organization);
    select o.deleted_at is not null into v_is_deleted
      from public.organizations as o where o.id = v_organization;
    if v_is_deleted and (v_type <> 'organization' or app.organization_rank(v_role)
        < app.organization_rank(app.needed_role('organization', 'restore'))) then
      v_role := null;
    end if;
  end if;

  v_is_allowed := case
    when v_needed in ('user', 'self') then true
    when v_scope = 'project' then app.project_rank(v_role) >= app.project_rank(v_needed)
    else app.organization_rank(v_role) >= app.organization_rank(v_needed)
  end;
  return jsonb_build_object(
    'scope', v_scope, 'your_role', v_role, 'needed_role', v_needed,
    'allowed', coalesce(v_is_allowed, false),
    'granted_by', case
      when v_role is null or v_scope = 'user' or v_needed = 'nobody' then '[]'::jsonb
      else app.granters(v_scope, v_organization, p_project, v_needed)
    end);
end
$$;

revoke all on all functions in schema app from public, anon;
revoke all on function public.explain_access(text, text, uuid, uuid)
  from public, anon, authenticated, service_role;
grant execute on function public.explain_access(text, text, uuid, uuid) to authenticated;
