-- The institutions within whose prefixes an institution's own may lie: codes separated by spaces.

ALTER TABLE institutions ADD COLUMN within TEXT NOT NULL DEFAULT '';
