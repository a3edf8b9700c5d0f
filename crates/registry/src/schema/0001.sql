-- Codes and names are the keys: they are unique beyond this database.

CREATE TABLE institutions (
    code     TEXT NOT NULL PRIMARY KEY,
    name     TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('hospital', 'clinic', 'dental-clinic', 'pharmacy')),
    status   TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    networks TEXT NOT NULL,     -- words separated by spaces
    hours    TEXT,              -- NULL: always
    note     TEXT NOT NULL,
    created  INTEGER NOT NULL   -- Unix seconds, as every time here
) STRICT, WITHOUT ROWID;

CREATE TABLE institution_systems (
    institution TEXT NOT NULL REFERENCES institutions,
    system      TEXT NOT NULL,
    PRIMARY KEY (institution, system)
) STRICT, WITHOUT ROWID;

CREATE TABLE prefixes (
    road        TEXT NOT NULL CHECK (road IN ('ip-vpn', 'inner')),
    prefix      TEXT NOT NULL,  -- no host bits
    institution TEXT NOT NULL REFERENCES institutions,
    PRIMARY KEY (road, prefix)
) STRICT, WITHOUT ROWID;
CREATE INDEX prefixes_by_institution ON prefixes (institution, road, prefix);

CREATE TABLE terminals (
    institution TEXT NOT NULL REFERENCES institutions,
    id          TEXT NOT NULL,
    label       TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    PRIMARY KEY (institution, id)
) STRICT, WITHOUT ROWID;

-- Ordered as terminals are, so that both are read side by side.
CREATE TABLE certificates (
    institution TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
    serial      TEXT NOT NULL,  -- lower-case hexadecimal
    issuer      TEXT NOT NULL,
    subject     TEXT NOT NULL,
    not_before  INTEGER NOT NULL,
    not_after   INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    revoked_at  INTEGER CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    reason      INTEGER CHECK ((status = 'revoked') = (reason IS NOT NULL)),  -- RFC 5280 5.3.1
    PRIMARY KEY (institution, terminal, fingerprint),
    UNIQUE (issuer, serial),
    FOREIGN KEY (institution, terminal) REFERENCES terminals
) STRICT, WITHOUT ROWID;

CREATE TABLE ike_identities (
    identity    TEXT NOT NULL PRIMARY KEY,
    institution TEXT NOT NULL,
    terminal    TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
    FOREIGN KEY (institution, terminal) REFERENCES terminals
) STRICT, WITHOUT ROWID;
CREATE INDEX ike_identities_by_terminal ON ike_identities (institution, terminal, identity);

CREATE TABLE operators (
    name        TEXT NOT NULL PRIMARY KEY,
    role        TEXT NOT NULL CHECK (role IN ('viewer', 'support', 'administrator')),
    fingerprint BLOB UNIQUE CHECK (length(fingerprint) = 32),
    status      TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked'))
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    time     INTEGER NOT NULL,
    operator TEXT NOT NULL,
    act      TEXT NOT NULL,
    subject  TEXT NOT NULL,
    before   TEXT,              -- JSON; NULL for what was added
    after    TEXT NOT NULL      -- JSON
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;

CREATE TABLE counters (
    name  TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES ('roster_version', 0), ('crl_number', 0);
