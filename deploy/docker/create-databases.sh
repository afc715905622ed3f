#!/bin/sh
# Run once by the PostgreSQL image, on an empty volume: a role and a database per service, closed to the others.
set -eu
for service in ingest prelabel queue qa; do
  psql -v ON_ERROR_STOP=1 -v service="$service" -v password="$(cat "/run/secrets/${service}_database_password")" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
SELECT format('CREATE DATABASE %I OWNER %I ENCODING %L TEMPLATE template0', 'touchstone_' || :'service', :'service', 'UTF8') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', 'touchstone_' || :'service') \gexec
SQL
done
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  -c 'REVOKE CONNECT ON DATABASE postgres FROM PUBLIC' -c 'REVOKE CONNECT ON DATABASE template1 FROM PUBLIC'
