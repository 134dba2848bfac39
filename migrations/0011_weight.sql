-- UPDATE of a node's weight drains it, or lets it have conferences again.
ALTER TABLE sip_nodes LOCK=NONE /*cometql: commands=weight */;
