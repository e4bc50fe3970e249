-- A new account gets a profile and a personal organization; the profile follows the account's
-- email. These run inside the sign-up, so nothing a user may put into the metadata makes them fail.

-- One line of at most 200 characters without control and direction-changing characters, or NULL.
create function app.clean_name(p_text text) returns text
language sql immutable parallel safe as $$
  select nullif(btrim(left(btrim(regexp_replace(left(p_text, 1000),
    '[[:cntrl:][:space:]\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]+', ' ', 'g')), 200)), '')
$$;

-- The first of the usual name fields that holds a text with something visible in it.
create function app.account_name(p_metadata jsonb, p_email text) returns text
language sql immutable parallel safe as $$
  select coalesce(
    case when jsonb_typeof(p_metadata -> 'full_name') = 'string'
      then app.clean_name(p_metadata ->> 'full_name') end,
    case when jsonb_typeof(p_metadata -> 'name') = 'string'
      then app.clean_name(p_metadata ->> 'name') end,
    case when jsonb_typeof(p_metadata -> 'display_name') = 'string'
      then app.clean_name(p_metadata ->> 'display_name') end,
    app.clean_name(split_part(p_email, '@', 1)),
    'Somebody')
$$;

-- Idempotent: an account that has its profile or its personal organization keeps it.
create function app.welcome(p_id uuid, p_email text, p_metadata jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_name text := app.account_name(p_metadata, p_email);
  v_avatar text := case when jsonb_typeof(p_metadata -> 'avatar_url') = 'string'
    then p_metadata ->> 'avatar_url' end;
begin
  insert into public.profiles (id, email, display_name, avatar_url)
  values (p_id, p_email, v_name,
    case when char_length(v_avatar) <= 2048 and v_avatar ~* '^https?://' then v_avatar end)
  on conflict (id) do nothing;
  if not exists (
      select from public.organizations as o where o.created_by = p_id and o.kind = 'personal') then
    perform app.add_organization(gen_random_uuid(), left(v_name, 180) || '''s workspace', v_name,
      null, 'personal', p_id);
  end if;
end
$$;

create function app.welcome_new_account() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform app.welcome(new.id, new.email, new.raw_user_meta_data);
  return null;
end
$$;
create trigger atoms_welcome after insert on auth.users
  for each row execute function app.welcome_new_account();

create function app.follow_email() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.profiles as p set email = new.email where p.id = new.id;
  return null;
end
$$;
create trigger atoms_follow_email after update of email on auth.users
  for each row when (old.email is distinct from new.email)
  execute function app.follow_email();

revoke all on all functions in schema app from public, anon;

-- Accounts that were there before.
select app.welcome(u.id, u.email, u.raw_user_meta_data) from auth.users as u;
