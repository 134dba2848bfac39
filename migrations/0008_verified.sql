-- What the node says that a member logged in with: NULL while it was not asked, empty for a caller who did not log in.
ALTER TABLE conference_members ADD COLUMN account VARCHAR(255) NULL DEFAULT NULL INVISIBLE;
