-- Which redirects of a target are followed, and where its credentials may go then.

ALTER TABLE delivery_target ADD COLUMN redirects TEXT NOT NULL DEFAULT 'any' CHECK (redirects IN ('any', 'same-host', 'none'));
ALTER TABLE delivery_target ADD COLUMN trust_hosts TEXT;
