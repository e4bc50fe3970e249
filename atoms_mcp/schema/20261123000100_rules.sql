-- The rules that everything else asks: which role an operation needs, how roles compare,
-- how names become slugs and keys. Nothing here reads a table.
--
-- Needs auth.users(id, email, raw_user_meta_data), auth.uid(), auth.jwt() and the roles
-- anon, authenticated and service_role. PostgreSQL 15 or newer, no extension.

-- Helpers live in a schema of their own that the REST API does not expose.
create schema app;
revoke all on schema app from public;
grant usage on schema app to authenticated, service_role;

-- The one place that says which role an operation needs. Policies, triggers and
-- explain_access ask it, so a text about a rule cannot drift from the rule.
-- Organization roles: owner, admin, member, guest.
-- Project roles: owner, admin, maintainer, editor, viewer.
-- Besides roles: 'user' (whoever is signed in), 'self' (the person the row is about),
-- 'nobody'. NULL for an unknown pair, which no comparison lets through.
create function app.needed_role(p_type text, p_operation text) returns text
language sql immutable parallel safe as $$
  select case p_type
    when 'organization' then case p_operation
      when 'read' then 'guest' when 'create' then 'user' when 'update' then 'admin'
      when 'delete' then 'owner' when 'restore' then 'owner' end
    -- Nobody is put into an organization by somebody else: whoever shares one with a person sees
    -- their address, and what is in it comes before their eyes (and their model's).
    when 'organization_member' then case p_operation
      when 'read' then 'guest' when 'create' then 'nobody' when 'update' then 'admin'
      when 'delete' then 'admin' when 'grant_owner' then 'owner' end
    when 'project' then case p_operation
      when 'read' then 'viewer' when 'create' then 'member' when 'update' then 'admin'
      when 'delete' then 'owner' when 'restore' then 'owner' end
    when 'project_member' then case p_operation
      when 'read' then 'viewer' when 'create' then 'admin' when 'update' then 'admin'
      when 'delete' then 'admin' when 'grant_owner' then 'owner' end
    when 'document' then case p_operation
      when 'read' then 'viewer' when 'create' then 'editor' when 'update' then 'editor'
      when 'delete' then 'maintainer' when 'restore' then 'maintainer'
      when 'approve' then 'maintainer' end
    when 'block' then case p_operation
      when 'read' then 'viewer' when 'create' then 'editor' when 'update' then 'editor'
      when 'delete' then 'maintainer' when 'restore' then 'maintainer' end
    when 'requirement' then case p_operation
      when 'read' then 'viewer' when 'create' then 'editor' when 'update' then 'editor'
      when 'delete' then 'maintainer' when 'restore' then 'maintainer'
      when 'approve' then 'maintainer' end
    when 'item' then case p_operation
      when 'read' then 'viewer' when 'create' then 'nobody' when 'update' then 'nobody'
      when 'delete' then 'nobody' end
    when 'revision' then case p_operation
      when 'read' then 'viewer' when 'create' then 'nobody' when 'update' then 'nobody'
      when 'delete' then 'nobody' end
    when 'profile' then case p_operation
      when 'read' then 'user' when 'create' then 'nobody' when 'update' then 'self'
      when 'delete' then 'nobody' end
    when 'context' then case p_operation
      when 'read' then 'self' when 'create' then 'self' when 'update' then 'self'
      when 'delete' then 'self' end
  end
$$;

-- Whose roles needed_role speaks of: the organization's, the project's, or no role at all.
create function app.role_scope(p_type text, p_operation text) returns text
language sql immutable parallel safe as $$
  select case
    when p_type = 'organization' and p_operation = 'create' then 'user'
    when p_type in ('organization', 'organization_member') then 'organization'
    when p_type = 'project' and p_operation = 'create' then 'organization'
    when p_type in ('profile', 'context') then 'user'
    else 'project'
  end
$$;

-- NULL for a name that is no role: "at least nobody" is true for nobody.
create function app.organization_rank(p_role text) returns integer
language sql immutable parallel safe as $$
  select case p_role when 'owner' then 4 when 'admin' then 3 when 'member' then 2
    when 'guest' then 1 end
$$;

create function app.project_rank(p_role text) returns integer
language sql immutable parallel safe as $$
  select case p_role when 'owner' then 5 when 'admin' then 4 when 'maintainer' then 3
    when 'editor' then 2 when 'viewer' then 1 end
$$;

create function app.project_role_named(p_rank integer) returns text
language sql immutable parallel safe as $$
  select case p_rank when 5 then 'owner' when 4 then 'admin' when 3 then 'maintainer'
    when 2 then 'editor' when 1 then 'viewer' end
$$;

-- What an active member of the organization is in one of its projects: organization owners
-- and admins act as owners of every project, members read what is open to the organization.
create function app.effective_rank(p_organization_role text, p_visibility text, p_project_role text)
returns integer
language sql immutable parallel safe as $$
  select greatest(
    coalesce(app.project_rank(p_project_role), 0),
    case
      when p_organization_role in ('owner', 'admin') then 5
      when p_organization_role = 'member' and p_visibility = 'organization' then 1
      else 0
    end)
$$;

-- The service key, or a direct connection of the operator (no JWT at all). A request that
-- came through the REST API as a user always carries claims that say so.
create function app.is_trusted() returns boolean
language sql stable parallel safe as $$
  select coalesce(auth.jwt() ->> 'role', 'service_role') = 'service_role'
$$;

-- Which client the request came through, for the history. A claim of the client's, never proof.
create function app.client_name() returns text
language sql stable parallel safe as $$
  select nullif(left(regexp_replace(
    nullif(current_setting('request.headers', true), '')::jsonb ->> 'x-client-info',
    '[[:cntrl:]]+', ' ', 'g'), 100), '')
$$;

-- Lower-case ASCII with single dashes, at most 50 characters; '' when nothing is left.
create function app.slugify(p_text text) returns text
language sql immutable parallel safe as $$
  select btrim(left(btrim(regexp_replace(lower(translate(left(coalesce(p_text, ''), 200),
    'ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöøùúûüýÿ',
    'AAAAAACEEEEIIIINOOOOOOUUUUYaaaaaaceeeeiiiinoooooouuuuyy')),
    '[^a-z0-9]+', '-', 'g'), '-'), 50), '-')
$$;

-- A legal organization slug for any text: a letter first, three characters or more.
create function app.organization_slug(p_text text) returns text
language sql immutable parallel safe as $$
  select case
    when s = '' then 'workspace'
    when s !~ '^[a-z]' then 'o-' || s
    when char_length(s) < 3 then s || '-org'
    else s
  end from (select app.slugify(p_text) as s) as slug
$$;

-- "Vehicle" -> VEH, "Flight Control System" -> FCS; PRJ when the name has no ASCII letter.
create function app.project_key(p_name text) returns text
language sql immutable parallel safe as $$
  select case
    when letters = '' then 'PRJ'
    when letters !~ '^[A-Z]' then 'P' || left(letters, 4)
    when char_length(letters) = 1 then letters || 'X'
    else letters
  end
  from (
    select case
      when cardinality(words) > 1
        then left(array_to_string(array(select left(w, 1) from unnest(words) as w), ''), 5)
      else left(coalesce(words[1], ''), 3)
    end as letters
    from (select array_remove(string_to_array(upper(app.slugify(p_name)), '-'), '') as words) as split
  ) as short
$$;

revoke all on all functions in schema app from public, anon;
grant execute on function app.needed_role(text, text) to authenticated, service_role;
