-- Every type that columns here have; user 2 has talked and user 4 has not.
SELECT m.name, m.user_id, m.last_talking, m.can_hear, c.message, c.stream, h.id, h.time - h.time + 9007199254740993 AS big,
       1.50 AS a_decimal, 2.5e0 AS a_double, DATE '2026-11-26' AS a_date, TIME '30:15:00.123456' AS a_time,
       TIMESTAMP '2026-11-26 12:34:56.789' AS a_moment, x'00ff' AS bytes, NULL AS nothing
FROM conference c JOIN conference_members m USING (name, user_id) JOIN pipes_messages h ON h.name = c.name
WHERE c.name = '101' ORDER BY c.user_id
