-- UPDATE and DELETE of members and conferences are commands to FreeSWITCH.
ALTER TABLE conference_members LOCK=NONE
/*cometql: commands=can_speak can_hear can_see has_video has_floor hold volume_in volume_out */;

ALTER TABLE conferences LOCK=NONE /*cometql: commands=locked recording */;

-- How long a user may be in the conference at a time; 0 and NULL are any time.
ALTER TABLE conference ADD COLUMN max_seconds INT UNSIGNED NULL INVISIBLE;
