CREATE TABLE orders (id serial PRIMARY KEY, item integer NOT NULL, pieces integer NOT NULL);
CREATE TABLE stock (item integer PRIMARY KEY, pieces integer NOT NULL);
INSERT INTO orders (item, pieces) VALUES (1, 2), (3, 40), (2, 1);
INSERT INTO stock (item, pieces) VALUES (1, 12), (2, 0), (3, 140);
