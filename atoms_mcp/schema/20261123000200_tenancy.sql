-- Who works where: accounts' profiles, organizations, projects and their members.
-- Row-level security is switched on with each table; the policies follow in the next file.
--
-- created_by, updated_by and deleted_by carry no foreign key: authorship outlives the account,
-- and deleting an account must not rewrite (and re-version) everything it wrote.
--
-- JSON of users is nested at most 64 levels and its numbers fit a double: what is deeper or
-- larger, most readers cannot parse, and one such value would spoil every list that holds it.

create table public.profiles (
  id uuid primary key references auth.users (id) on delete cascade,
  email text,
  display_name text check (char_length(display_name) <= 200),
  avatar_url text check (char_length(avatar_url) <= 2048 and avatar_url ~* '^https?://'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index profiles_email on public.profiles (lower(email));
alter table public.profiles enable row level security;

create table public.organizations (
  id uuid primary key default gen_random_uuid(),
  name text not null
    check (char_length(name) <= 200 and char_length(btrim(name)) >= 2),
  slug text not null check (slug ~ '^[a-z][a-z0-9-]{1,61}[a-z0-9]$'),
  kind text not null default 'team' check (kind in ('personal', 'team', 'enterprise')),
  description text check (char_length(description) <= 10000),
  settings jsonb not null default '{}'
    check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 32768
      and not jsonb_path_exists(settings, '$.**{64 to last}')
      and not jsonb_path_exists(settings, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))')),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  constraint organizations_slug_unique unique (slug)
);
alter table public.organizations enable row level security;

create table public.organization_members (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'member' check (role in ('owner', 'admin', 'member', 'guest')),
  status text not null default 'active' check (status in ('active', 'suspended')),
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  primary key (organization_id, user_id)
);
create index organization_members_user on public.organization_members (user_id);
alter table public.organization_members enable row level security;

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  key text not null check (key ~ '^[A-Z][A-Z0-9]{1,9}$'),
  name text not null
    check (char_length(name) <= 200 and char_length(btrim(name)) >= 2),
  slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  description text check (char_length(description) <= 10000),
  status text not null default 'active' check (status in ('draft', 'active', 'archived')),
  visibility text not null default 'organization'
    check (visibility in ('private', 'organization')),
  tags text[] not null default '{}'
    check (cardinality(tags) <= 50 and array_position(tags, null) is null
      and octet_length(array_to_string(tags, ',')) <= 4000),
  settings jsonb not null default '{}'
    check (jsonb_typeof(settings) = 'object' and octet_length(settings::text) <= 32768
      and not jsonb_path_exists(settings, '$.**{64 to last}')
      and not jsonb_path_exists(settings, 'strict $.** ? (@.type() == "number" && (@ > 1e308 || @ < -1e308))')),
  version integer not null default 1,
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  deleted_at timestamptz,
  deleted_by uuid,
  -- What the composite foreign keys of everything inside a project point at.
  constraint projects_in_organization unique (organization_id, id),
  -- Deleted projects keep their key: their items' keys begin with it, and they may come back.
  constraint projects_key_unique unique (organization_id, key)
);
create unique index projects_slug_unique on public.projects (organization_id, slug)
  where deleted_at is null;
alter table public.projects enable row level security;

create table public.project_members (
  organization_id uuid not null,
  project_id uuid not null,
  user_id uuid not null,
  role text not null default 'viewer'
    check (role in ('owner', 'admin', 'maintainer', 'editor', 'viewer')),
  created_at timestamptz not null default now(),
  created_by uuid,
  updated_at timestamptz not null default now(),
  updated_by uuid,
  primary key (project_id, user_id),
  constraint project_members_project foreign key (organization_id, project_id)
    references public.projects (organization_id, id) on delete cascade,
  -- Leaving the organization takes all rights in its projects away.
  constraint project_members_organization_member foreign key (organization_id, user_id)
    references public.organization_members (organization_id, user_id) on delete cascade
);
create index project_members_user on public.project_members (user_id);
create index project_members_organization on public.project_members (organization_id, user_id);
alter table public.project_members enable row level security;

-- The last number given out per project and kind of item; the row is the lock of its queue.
create table public.project_counters (
  project_id uuid not null references public.projects (id) on delete cascade,
  kind text not null,
  last_value bigint not null default 0,
  primary key (project_id, kind)
) with (fillfactor = 50);
alter table public.project_counters enable row level security;

-- Hosted Supabase grants everything on new public tables to its API roles.
revoke all on public.profiles, public.organizations, public.organization_members,
  public.projects, public.project_members, public.project_counters
  from public, anon, authenticated, service_role;
grant select on public.profiles, public.organizations, public.organization_members,
  public.projects, public.project_members to authenticated;
grant select, insert, update, delete on public.profiles, public.organizations,
  public.organization_members, public.projects, public.project_members to service_role;
grant select on public.project_counters to service_role;

-- Only what a person may say about a row; the rest is the triggers' to write.
-- Organizations and projects are made by create_organization and create_project.
grant update (display_name, avatar_url) on public.profiles to authenticated;
grant update (name, slug, description, settings, deleted_at) on public.organizations
  to authenticated;
grant update (role, status), delete on public.organization_members to authenticated;
grant update (name, slug, description, status, visibility, tags, settings, deleted_at)
  on public.projects to authenticated;
grant insert (project_id, user_id, role), update (role), delete
  on public.project_members to authenticated;
