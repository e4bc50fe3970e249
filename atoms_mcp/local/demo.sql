-- The demo's content, written by its users; see demo.py. Runs as `postgres`, in one transaction.

create function pg_temp.act_as(p_email text) returns void
language sql as $$
  select set_config('request.jwt.claims', jsonb_build_object(
    'sub', u.id, 'role', 'authenticated', 'email', u.email)::text, true)
  from auth.users as u where u.email = p_email
$$;

-- Acme: Ada owns it; Vic reads one project of it.

select pg_temp.act_as('ada@acme.example');
set local role authenticated;

select public.create_organization(
  p_name => 'Acme',
  p_description => 'Builds a small electric city car.',
  p_id => '0ac3e000-0000-4000-8000-000000000001');
select public.create_project(
  p_organization => '0ac3e000-0000-4000-8000-000000000001',
  p_name => 'Vehicle', p_key => 'VEH',
  p_description => 'The city car as a whole: what it must do, and how well.',
  p_tags => '{car,demo}',
  p_id => '0ac3e000-0000-4000-8000-000000000002');

insert into public.documents (id, project_id, name, description, status, tags) values
  ('0ac3e000-0000-4000-8000-00000000000a', '0ac3e000-0000-4000-8000-000000000002',
    'Vehicle requirements', 'What the car must do, seen from outside.', 'in_review', '{vehicle}'),
  ('0ac3e000-0000-4000-8000-00000000000b', '0ac3e000-0000-4000-8000-000000000002',
    'Braking system', 'What the brakes owe the vehicle.', 'draft', '{brakes,safety}'),
  ('0ac3e000-0000-4000-8000-00000000000c', '0ac3e000-0000-4000-8000-000000000002',
    'Battery and charging', 'Energy in, energy out, and heat.', 'draft', '{battery}');

insert into public.document_blocks (document_id, kind, heading_level, body) values
  ('0ac3e000-0000-4000-8000-00000000000a', 'heading', 1, 'Scope'),
  ('0ac3e000-0000-4000-8000-00000000000a', 'text', null,
    'Two seats, 120 km/h, streets and short motorway trips. Figures hold at 20 °C unless said otherwise.'),
  ('0ac3e000-0000-4000-8000-00000000000b', 'heading', 1, 'Service brake'),
  ('0ac3e000-0000-4000-8000-00000000000c', 'heading', 1, 'Charging');

insert into public.requirements (id, document_id, parent_id, name, description, rationale,
  status, priority, level, format, kind, verification, tags) values
  ('0ac3e000-0000-4000-8000-000000000101', '0ac3e000-0000-4000-8000-00000000000a', null,
    'Stopping distance',
    'When the driver brakes fully from 100 km/h on dry asphalt, the vehicle shall stop within 38 m.',
    'Shorter than the three best sold cars of the class.',
    'approved', 'critical', 'system', 'ears', 'safety', '{test}', '{brakes}'),
  ('0ac3e000-0000-4000-8000-000000000102', '0ac3e000-0000-4000-8000-00000000000a', null,
    'Range in the city',
    'The vehicle shall drive at least 220 km of the WLTP city cycle on one charge.',
    'Covers four days of the median commute in our market study.',
    'approved', 'high', 'system', 'ears', 'performance', '{test,analysis}', '{battery}'),
  ('0ac3e000-0000-4000-8000-000000000103', '0ac3e000-0000-4000-8000-00000000000a', null,
    'Cabin noise',
    'While the vehicle drives at 50 km/h, the noise at the driver''s ear shall not exceed 62 dB(A).',
    null, 'in_review', 'medium', 'system', 'ears', 'performance', '{test}', '{comfort}'),
  ('0ac3e000-0000-4000-8000-000000000104', '0ac3e000-0000-4000-8000-00000000000a', null,
    'Emergency call',
    'When an airbag fires, the vehicle shall call the emergency number within 10 s and send its position.',
    'Type approval (eCall).', 'draft', 'high', 'system', 'ears', 'safety',
    '{demonstration}', '{regulation}'),
  ('0ac3e000-0000-4000-8000-000000000105', '0ac3e000-0000-4000-8000-00000000000b',
    '0ac3e000-0000-4000-8000-000000000101',
    'Brake response time',
    'When the driver presses the pedal, the braking system shall reach 90 % of the asked pressure within 150 ms.',
    'Every 100 ms cost 2.8 m from 100 km/h.',
    'in_review', 'critical', 'subsystem', 'ears', 'performance', '{test}', '{brakes}'),
  ('0ac3e000-0000-4000-8000-000000000106', '0ac3e000-0000-4000-8000-00000000000b',
    '0ac3e000-0000-4000-8000-000000000101',
    'Anti-lock control',
    'While the vehicle moves faster than 7 km/h, the braking system shall keep every wheel from locking.',
    null, 'draft', 'critical', 'subsystem', 'ears', 'safety', '{test,demonstration}', '{brakes}'),
  ('0ac3e000-0000-4000-8000-000000000107', '0ac3e000-0000-4000-8000-00000000000b', null,
    'Hydraulic leak warning',
    'If the brake fluid falls below the minimum, the braking system shall warn the driver within 1 s.',
    null, 'draft', 'high', 'subsystem', 'ears', 'safety', '{test}', '{brakes}'),
  ('0ac3e000-0000-4000-8000-000000000108', '0ac3e000-0000-4000-8000-00000000000c',
    '0ac3e000-0000-4000-8000-000000000102',
    'Usable energy',
    'The battery shall give at least 27 kWh between full and empty as shown to the driver.',
    '220 km at 12 kWh per 100 km, and a reserve.',
    'in_review', 'high', 'subsystem', 'ears', 'performance', '{analysis,test}', '{battery}'),
  ('0ac3e000-0000-4000-8000-000000000109', '0ac3e000-0000-4000-8000-00000000000c', null,
    'Charging time',
    'While connected to a 50 kW charger, the battery shall charge from 10 % to 80 % within 30 min.',
    null, 'draft', 'medium', 'subsystem', 'ears', 'performance', '{test}', '{battery,charging}'),
  ('0ac3e000-0000-4000-8000-00000000010a', '0ac3e000-0000-4000-8000-00000000000c', null,
    'Cut-off on overheating',
    'If any cell exceeds 60 °C, the battery shall disconnect from charger and drive within 500 ms.',
    'Thermal runaway begins above 80 °C for the chosen cells.',
    'draft', 'critical', 'component', 'ears', 'safety', '{test}', '{battery,safety}');

-- Vic is a guest of the organization and a viewer of the project: reads it, changes nothing.
-- No user adds another one to an organization, nor sees their account: the operator does both.
reset role;
create temporary table demo_vic on commit drop as
  select u.id from auth.users as u where u.email = 'vic@acme.example';
grant select on demo_vic to authenticated;
insert into public.organization_members (organization_id, user_id, role)
  select '0ac3e000-0000-4000-8000-000000000001', v.id, 'guest' from demo_vic as v;
set local role authenticated;

insert into public.project_members (project_id, user_id, role)
  select '0ac3e000-0000-4000-8000-000000000002', v.id, 'viewer' from demo_vic as v;

reset role;

-- Umbrella: Bob alone, with nothing of Acme's.

select pg_temp.act_as('bob@umbrella.example');
set local role authenticated;

select public.create_organization(
  p_name => 'Umbrella',
  p_description => 'Makes umbrellas that survive wind.',
  p_id => '0b0be000-0000-4000-8000-000000000001');
select public.create_project(
  p_organization => '0b0be000-0000-4000-8000-000000000001',
  p_name => 'Umbrella One', p_key => 'UMB',
  p_description => 'The first model.',
  p_id => '0b0be000-0000-4000-8000-000000000002');

insert into public.documents (id, project_id, name, description) values
  ('0b0be000-0000-4000-8000-00000000000a', '0b0be000-0000-4000-8000-000000000002',
    'Canopy', 'Cloth, ribs and seams.');

insert into public.requirements (document_id, name, description, status, priority, format, kind,
  verification) values
  ('0b0be000-0000-4000-8000-00000000000a', 'Wind',
    'While open, the umbrella shall survive gusts of 90 km/h without turning inside out.',
    'in_review', 'high', 'ears', 'performance', '{test}'),
  ('0b0be000-0000-4000-8000-00000000000a', 'Water column',
    'The canopy shall hold a water column of 1500 mm.',
    'draft', 'medium', 'incose', 'performance', '{test}');
