-- What all nodes over this database share and nobody else knows. `value` is random letters and digits.
CREATE TABLE secrets (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
