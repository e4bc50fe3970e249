-- Which clients a user has connected to the MCP server: a list for the user's own eyes. No token
-- depends on it; the server works without this table and then cannot show the list.

create table public.mcp_grants (
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  id uuid not null,
  client_key text not null check (char_length(client_key) between 1 and 2048),
  client_name text not null check (char_length(client_name) between 1 and 200),
  client_host text check (char_length(client_host) between 1 and 255),
  redirect_host text not null check (char_length(redirect_host) between 1 and 255),
  scope text not null check (char_length(scope) between 1 and 200),
  session_id uuid not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  -- The user first, so that nobody can take, or find out, the id of somebody else's.
  primary key (user_id, id)
);
alter table public.mcp_grants enable row level security;

revoke all on public.mcp_grants from public, anon, authenticated, service_role;
-- Whose it is, who was connected and when stay as they were written.
grant select, delete,
  insert (id, client_key, client_name, client_host, redirect_host, scope, session_id),
  update (scope, session_id, last_used_at)
  on public.mcp_grants to authenticated;
grant select, insert, update, delete on public.mcp_grants to service_role;

create policy "own rows" on public.mcp_grants for all to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- At most 200 of one user, so that nobody fills the table. What was not used for so long that
-- its tokens have ended makes room first.
create function app.guard_grants() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended('mcp grants ' || new.user_id, 0));
  delete from public.mcp_grants as g
    where g.user_id = new.user_id and g.last_used_at < now() - interval '90 days';
  if (select count(*) from public.mcp_grants as g where g.user_id = new.user_id) >= 200 then
    raise exception 'too many connected clients'
      using errcode = '23514', detail = 'mcp_grants_limit',
      hint = 'Revoke some of them first.';
  end if;
  return new;
end
$$;
create trigger guard before insert on public.mcp_grants
  for each row execute function app.guard_grants();

-- The time of a use is the database's, whatever the client's clock says.
create function app.date_grant() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.last_used_at := statement_timestamp();
  return new;
end
$$;
create trigger date before update on public.mcp_grants
  for each row execute function app.date_grant();

revoke all on all functions in schema app from public, anon;
