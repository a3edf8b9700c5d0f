-- Keys of IKE identities. Before this, no program registered an identity: the table is empty.

DROP TABLE ike_identities;
CREATE TABLE ike_identities (
    identity    TEXT NOT NULL PRIMARY KEY,
    institution TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    key         BLOB NOT NULL,  -- sealed under a key that is not in this database
    ppk_id      TEXT UNIQUE,
    ppk         BLOB CHECK ((ppk_id IS NULL) = (ppk IS NULL)),  -- sealed
    FOREIGN KEY (institution, terminal) REFERENCES terminals
) STRICT, WITHOUT ROWID;
CREATE INDEX ike_identities_by_terminal ON ike_identities (institution, terminal, identity);
