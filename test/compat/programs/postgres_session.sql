\set VERBOSITY terse
\timing off
CREATE TABLE items (id integer PRIMARY KEY, name text, made timestamp, tags jsonb);
INSERT INTO items SELECT n, 'name ' || n, timestamp '2024-01-01' + n * interval '1 hour',
  jsonb_build_object('n', n, 'odd', n % 2 = 1) FROM generate_series(1, 20000) n;
CREATE INDEX ON items USING gin (tags);
CREATE INDEX ON items (name text_pattern_ops);
ANALYZE items;
SELECT count(*), sum(id), min(made), max(made) FROM items WHERE tags @> '{"odd": true}';
SELECT id, name, lag(id) OVER (ORDER BY id) FROM items WHERE name LIKE 'name 19%' ORDER BY id LIMIT 5;

-- COPY, both ways
COPY items TO '/dev/null';
\copy (SELECT id, name FROM items ORDER BY id) TO 'items.tsv'
CREATE TABLE copied (id integer, name text);
\copy copied FROM 'items.tsv'
SELECT count(*), md5(string_agg(name, ',' ORDER BY id)) FROM copied;
COPY copied FROM STDIN;
1	from stdin
\.
COPY (SELECT * FROM copied WHERE name = 'from stdin') TO STDOUT (FORMAT csv, HEADER);

-- prepared statements
PREPARE one (integer) AS SELECT name FROM items WHERE id = $1;
EXECUTE one(7);
EXECUTE one(19999);
DEALLOCATE one;
EXECUTE one(7);

-- transactions, errors, cursors
BEGIN;
SAVEPOINT before;
INSERT INTO items (id) VALUES (1);
ROLLBACK TO before;
DECLARE few CURSOR FOR SELECT id FROM items ORDER BY id;
FETCH 3 FROM few;
MOVE 1000 FROM few;
FETCH 2 FROM few;
COMMIT;
SELECT 1 / 0;
SELECT * FROM missing;

-- parallel query
SET force_parallel_mode = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS off) SELECT count(*) FROM items WHERE name LIKE '%7%';
SELECT count(*) FROM items WHERE name LIKE '%7%';
SELECT tags->>'odd' AS odd, avg(id) FROM items GROUP BY 1 ORDER BY 1;
RESET force_parallel_mode;

-- large objects
\lo_import '/etc/services'
SELECT loid AS large FROM pg_largeobject LIMIT 1 \gset
\lo_export :large exported
SELECT md5(lo_get(:large)) = md5(pg_read_binary_file('/etc/services')) AS whole;
\lo_unlink :large

-- functions, triggers, notices
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'changed %', NEW.id;
  PERFORM pg_notify('changes', NEW.id::text);
  RETURN NEW;
END $$;
CREATE TRIGGER shouting BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION shout();
LISTEN changes;
UPDATE items SET name = 'changed' WHERE id IN (5, 6);
SELECT 'notified';
SET statement_timeout = 50;
SELECT pg_sleep(10);
RESET statement_timeout;
COPY (SELECT 1) TO PROGRAM 'cat > program-output';
SHOW ssl;
SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();
VACUUM FULL items;
