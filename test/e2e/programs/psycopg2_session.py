"""Statements through psycopg2 whose texts, row counts and errors the judge compares.

usage: psycopg2_session.py PORT
"""

import sys

import psycopg2

connection = psycopg2.connect(
    host="127.0.0.1", port=int(sys.argv[1]), user="olly", dbname="postgres"
)
cursor = connection.cursor()
cursor.execute("CREATE TABLE parcels (id integer, name text)")
cursor.execute("INSERT INTO parcels SELECT g, 'parcel ' || g FROM generate_series(1, 40) AS g")
connection.commit()
cursor.execute("SELECT id, name FROM parcels WHERE id <= %s", (25,))
assert len(cursor.fetchall()) == 25
cursor.execute("UPDATE parcels SET name = %s WHERE id > %s", ("it's moved", 30))
assert cursor.rowcount == 10
connection.rollback()
cursor.execute("SELECT id FROM parcels WHERE name = %s", ("it's moved",))
assert cursor.fetchall() == []
try:
    cursor.execute("SELECT no_such_column FROM parcels")
except psycopg2.Error as error:
    assert error.pgcode == "42703"
connection.rollback()
named = connection.cursor("portal")
named.itersize = 7
named.execute("SELECT id FROM parcels ORDER BY id")
assert len([row for row in named]) == 40
named.close()
cursor.execute("DELETE FROM parcels")
connection.commit()
connection.close()
