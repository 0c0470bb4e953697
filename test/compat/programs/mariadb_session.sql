CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE items (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(80), price DECIMAL(10,2),
  body MEDIUMBLOB, KEY (name)) ENGINE=InnoDB;
INSERT INTO items (name, price, body)
  SELECT CONCAT('name ', seq), ROUND(seq / 7, 2), REPEAT(CHAR(65 + seq % 26), 500) FROM seq_1_to_5000;
SELECT COUNT(*), SUM(price), MD5(GROUP_CONCAT(name ORDER BY id)) FROM items;
SELECT id, name, LENGTH(body) FROM items WHERE name LIKE 'name 49%' ORDER BY id LIMIT 5;
UPDATE items SET price = price + 1 WHERE id % 3 = 0;
START TRANSACTION;
DELETE FROM items WHERE id > 100;
SELECT COUNT(*) FROM items;
ROLLBACK;
SELECT COUNT(*) FROM items;
PREPARE one FROM 'SELECT name, price FROM items WHERE id = ?';
SET @id = 77;
EXECUTE one USING @id;
DEALLOCATE PREPARE one;
SELECT id, AVG(price) OVER (ORDER BY id ROWS 3 PRECEDING) FROM items WHERE id < 6;
CREATE TABLE aria (id INT, t TEXT, FULLTEXT (t)) ENGINE=Aria;
INSERT INTO aria VALUES (1, 'the quick brown fox'), (2, 'a lazy dog');
SELECT id FROM aria WHERE MATCH (t) AGAINST ('lazy');
DELIMITER //
CREATE PROCEDURE twice(IN n INT) BEGIN SELECT n; SELECT n * 2; END //
DELIMITER ;
CALL twice(21);
INSERT INTO items (id) VALUES (1);
SELECT * FROM missing;
SELECT id, name INTO OUTFILE 'items.tsv' FROM items ORDER BY id;
CREATE TABLE copied (id INT, name VARCHAR(80));
LOAD DATA INFILE 'items.tsv' INTO TABLE copied;
LOAD DATA LOCAL INFILE 'local.tsv' INTO TABLE copied;
SELECT COUNT(*), MD5(GROUP_CONCAT(name ORDER BY id)) FROM copied;
SELECT LENGTH(REPEAT('x', 3000000));
SHOW WARNINGS;
CHECK TABLE items, aria;
OPTIMIZE TABLE aria;
