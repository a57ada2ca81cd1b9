-- A target's certificate can be held against revocation lists.

ALTER TABLE delivery_target ADD COLUMN crl_file TEXT;
