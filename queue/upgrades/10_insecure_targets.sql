-- What goes to another machine without TLS is said to do so. A target that was defined with http:// goes on.

ALTER TABLE delivery_target ADD COLUMN insecure INTEGER NOT NULL DEFAULT 0 CHECK (insecure IN (0, 1));
UPDATE delivery_target SET insecure = 1 WHERE lower(substr(url, 1, 5)) = 'http:';
