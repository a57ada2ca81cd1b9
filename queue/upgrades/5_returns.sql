-- A message that comes back after it was moved away is told from one that was there together with it.

ALTER TABLE pickup ADD COLUMN uid_next INTEGER;
