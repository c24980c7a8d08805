"""Puts the rows of a JSON Lines file, whose keys are its columns, into the table `notes` of a SQLite database: fill.py ROWS DATABASE"""

import json
import sqlite3
import sys

_, rows, database = sys.argv
with sqlite3.connect(database) as connection, open(rows, encoding="utf-8") as lines:
    parsed = [json.loads(line) for line in lines]
    columns = ", ".join(parsed[0])
    values = ", ".join(f":{column}" for column in parsed[0])
    connection.executemany(f"INSERT INTO notes ({columns}) VALUES ({values})", parsed)
