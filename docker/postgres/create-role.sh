#!/bin/sh
# Creates the plain role that Vitrine connects as. Row-level security does not bind a superuser, so Vitrine is none;
# the extensions, which only a superuser may create, are therefore made here.
set -eu
: "${VITRINE_DATABASE_PASSWORD:?set it in postgres.env}"

psql --set ON_ERROR_STOP=1 --username postgres --set password="$VITRINE_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE vitrine LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE vitrine OWNER vitrine;
\connect vitrine
CREATE EXTENSION vector;
SQL
