-- What all nodes over this database share and nobody else knows. `value` is random letters and digits.
CREATE TABLE IF NOT EXISTS secrets (
  name  VARCHAR(32) NOT NULL PRIMARY KEY,
  value VARCHAR(64) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
