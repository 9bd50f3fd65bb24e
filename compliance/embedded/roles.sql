-- The three roles of Callwarden, and one database for them. Run by psql as a role that may create roles and databases, once for each
-- database; running it again changes nothing but the passwords it is given.
--
--   psql -v ON_ERROR_STOP=1 -v database=callwarden -v owner_password=… -v app_password=… -v sequencer_password=… -f roles.sql
--   psql … -v database=callwarden_keys -v keys=1 -f roles.sql          the database of keys, where the sequencer has no business
--
-- callwarden_owner      owns database and tables, migrates, serves nothing
-- callwarden_app        reads and writes rows; owns nothing, so forced row security holds for it
-- callwarden_sequencer  nothing but what the log's migrations grant
-- None of them is a superuser or may bypass row security.

SET password_encryption = 'scram-sha-256';
SELECT rolsuper AS superuser FROM pg_roles WHERE rolname = current_user
\gset
\if :superuser
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\endif

SELECT format('CREATE ROLE %I', name)
  FROM unnest(ARRAY['callwarden_owner', 'callwarden_app', 'callwarden_sequencer']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE callwarden_owner LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE callwarden_app LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
ALTER ROLE callwarden_sequencer LOGIN NOCREATEDB NOCREATEROLE PASSWORD :'sequencer_password';
\if :superuser
ALTER ROLE callwarden_owner NOSUPERUSER NOREPLICATION NOBYPASSRLS;
ALTER ROLE callwarden_app NOSUPERUSER NOREPLICATION NOBYPASSRLS;
ALTER ROLE callwarden_sequencer NOSUPERUSER NOREPLICATION NOBYPASSRLS;
\else
-- A database can only be given to a role that its maker may become.
GRANT callwarden_owner TO CURRENT_USER;
\endif

SELECT format('CREATE DATABASE %I OWNER callwarden_owner TEMPLATE template0 ENCODING %L', :'database', 'UTF8')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database')
\gexec
SELECT format('ALTER DATABASE %I OWNER TO callwarden_owner', datname)
  FROM pg_database WHERE datname = :'database' AND pg_get_userbyid(datdba) <> 'callwarden_owner'
\gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database')
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO callwarden_app', :'database')
\gexec
\if :{?keys}
\else
SELECT format('GRANT CONNECT ON DATABASE %I TO callwarden_sequencer', :'database')
\gexec
\endif

\connect :"database"
SET ROLE callwarden_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO callwarden_app, callwarden_sequencer;
ALTER DEFAULT PRIVILEGES FOR ROLE callwarden_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO callwarden_app;
ALTER DEFAULT PRIVILEGES FOR ROLE callwarden_owner IN SCHEMA public
  GRANT USAGE, SELECT ON SEQUENCES TO callwarden_app;
