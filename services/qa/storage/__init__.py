"""The only SQL of qa. Constant statements on the asyncpg connection; rows leave as values, jsonb as parsed JSON."""
