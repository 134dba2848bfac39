-- Who is in a conference now, as the FreeSWITCH nodes say. join_time and last_talking are stored as moments and read as
-- seconds since then; last_talking is NULL for a member who never talked.
CREATE TABLE conference_members (
  name VARCHAR(128) NOT NULL,
  user_id INT UNSIGNED NOT NULL,
  join_time INT UNSIGNED NOT NULL,
  last_talking INT UNSIGNED DEFAULT NULL,
  -- Which node the member is on, and his channel there: a user may be in from two devices.
  node VARCHAR(255) NOT NULL INVISIBLE,
  uuid VARCHAR(255) NOT NULL INVISIBLE,
  -- FreeSWITCH's number of the member.
  member_id INT UNSIGNED NOT NULL INVISIBLE,
  caller_number VARCHAR(255) NOT NULL INVISIBLE,
  talking TINYINT(1) NOT NULL INVISIBLE,
  PRIMARY KEY (name, user_id, node, uuid)
);
